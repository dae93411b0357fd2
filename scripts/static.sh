#!/bin/sh
# Builds the static binary and gathers beside it what it needs beyond the C library, for the tarball and
# the wheel. Prints the folder:
#
#     bin/savi-ckpt
#     lib/savi-ckpt/        shared libraries, those that it loads when it needs them included
#     licenses/             of the libraries and of what is linked in
set -eu
cd "$(dirname "$0")/.."
stage=dist/static
libraries=$stage/lib/savi-ckpt
patchelf=${PATCHELF:-patchelf}

built=$(scripts/build-static.sh)

rm -rf "$stage"
mkdir -p "$stage/bin" "$libraries" "$stage/licenses"
install -m 755 "$built" "$stage/bin/savi-ckpt"
strip --strip-unneeded "$stage/bin/savi-ckpt"

# libhdf5 and OpenBLAS are loaded by name.
find_library() { ldconfig -p | awk -v name="$1" '$1 ~ "^" name { print $NF; exit }'; }
hdf5=$(find_library 'libhdf5_serial[.]so[.][0-9]+$')
blas=$(find_library 'libopenblas[.]so[.]0$')

# Debian's libhdf5 has a driver for Amazon S3, which nothing here uses, and which drags in libcurl, LDAP,
# Kerberos and GnuTLS: an empty library of the same name stands in for them.
install -m 644 "$hdf5" "$libraries/"
hdf5=$libraries/$(basename "$hdf5")
"$patchelf" --set-rpath "\$ORIGIN" "$hdf5"
curl=$(objdump -p "$hdf5" | awk '$1 == "NEEDED" && $2 ~ /^libcurl/ { print $2 }')
if [ -n "$curl" ]; then
  objdump -p "$hdf5" | awk -v from="$curl:" '
    $1 == "required" { wanted = $3 == from; next }
    wanted && NF == 4 { print $4 " { global: *; };" }' >"$stage/versions"
  clang -shared -nostdlib -fuse-ld=lld -Wl,-soname,"$curl" \
    -Wl,--version-script="$stage/versions" -o "$libraries/$curl" -x c /dev/null
  rm "$stage/versions"
fi

# The C library itself belongs to the system: an older one than ours cannot be helped, and two in one
# process cannot work.
{ echo "hdf5 => $(find_library "$(basename "$hdf5")")"; echo "blas => $blas"; ldd "$built" "$hdf5" "$blas"; } |
  awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -vE "^$PWD/$libraries/|/(libc|libm|libdl|librt|libpthread|libresolv|ld-linux[^/]*)\.so" |
  while read -r library; do
    [ -f "$libraries/$(basename "$library")" ] || install -m 644 "$library" "$libraries/"
    file=$(readlink -f "$library")
    # The package may know the file by its name before /lib and /usr/lib were merged.
    package=$(dpkg -S "$file" 2>/dev/null || dpkg -S "/${file#/usr/}" 2>/dev/null) || {
      echo "no package owns $library, so its licence is not known" >&2
      exit 1
    }
    package=${package%%:*}
    # Packages of one source have one licence, which is there once.
    cp "/usr/share/doc/$package/copyright" \
      "$stage/licenses/$(dpkg-query -W -f "\${source:Package}" "$package").txt"
  done
for library in "$libraries"/*; do "$patchelf" --set-rpath "\$ORIGIN" "$library"; done

cp LICENSE "$stage/licenses/savi-ckpt.txt"
toolchain=$(dirname "$(readlink -f "$(command -v swift)")")/..
cp "$toolchain/share/swift/LICENSE.txt" "$stage/licenses/swift.txt"
for file in .build-dist/checkouts/*/LICENSE* .build-dist/checkouts/*/NOTICE*; do
  [ ! -f "$file" ] || cp "$file" "$stage/licenses/$(basename "$(dirname "$file")")-$(basename "$file")"
done
echo "$stage"
