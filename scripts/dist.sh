#!/bin/sh
# Makes a release tarball that runs where neither Swift nor the C libraries are installed:
# dist/savi-ckpt-VERSION-linux-ARCH.tar.gz with the binary, the shared libraries it needs beyond the C
# library, shell completions, a man page, the schemas and the integration scripts.
set -eu
cd "$(dirname "$0")/.."

swift build -c release --product savi-ckpt --static-swift-stdlib --scratch-path .build-dist \
  -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker "\$ORIGIN/../lib"
binary=$(swift build -c release --product savi-ckpt --static-swift-stdlib --scratch-path .build-dist \
  --show-bin-path)/savi-ckpt

version=$("$binary" --version)
name="savi-ckpt-$version-linux-$(uname -m)"
rm -rf "dist/$name"
mkdir -p "dist/$name/bin" "dist/$name/lib" "dist/$name/share/man/man1" \
  "dist/$name/share/bash-completion/completions" "dist/$name/share/zsh/site-functions" \
  "dist/$name/share/fish/vendor_completions.d" "dist/$name/share/savi-ckpt"
install -m 755 "$binary" "dist/$name/bin/savi-ckpt"
strip --strip-unneeded "dist/$name/bin/savi-ckpt"

# The C library itself belongs to the system: an older one than ours cannot be helped, and two in
# one process cannot work.
openblas=$(ldconfig -p | awk '$1 == "libopenblas.so.0" { print $NF; exit }')
{ echo "libopenblas.so.0 => $openblas"; ldd "$binary" "$openblas"; } |
  awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|ld-linux[^/]*)\.so' |
  while read -r library; do
    install -m 644 "$library" "dist/$name/lib/"
  done

for shell in bash zsh fish; do
  case $shell in
  bash) target=bash-completion/completions/savi-ckpt ;;
  zsh) target=zsh/site-functions/_savi-ckpt ;;
  fish) target=fish/vendor_completions.d/savi-ckpt.fish ;;
  esac
  "$binary" --generate-completion-script "$shell" >"dist/$name/share/$target"
done
python3 scripts/man_page.py "$binary" "$version" >"dist/$name/share/man/man1/savi-ckpt.1"
cp -r schemas integration README.md LICENSE "dist/$name/share/savi-ckpt/"

# Every library it loads lies beside it, or is the C library's; and it works.
outside=$(ldd "dist/$name/bin/savi-ckpt" | awk '$2 == "=>" { print $3 }' |
  grep -vE "/dist/$name/|/(libc|libm|libdl|librt|libpthread|libresolv|ld-linux[^/]*)\.so" || true)
[ -z "$outside" ] || {
  echo "libraries outside the tarball: $outside" >&2
  exit 1
}
"dist/$name/bin/savi-ckpt" validate samples/savi-small.flax.npz --schema savi-small-flax >/dev/null

tar -C dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" \
  -cf - "$name" | gzip -9n >"dist/$name.tar.gz"
rm -rf "dist/$name"
echo "dist/$name.tar.gz ($(du -h "dist/$name.tar.gz" | cut -f1))"
