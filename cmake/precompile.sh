#!/bin/sh
# Precompiles a header with clang, and writes a sum of what is in it, which is the same in each folder:
# precompile.sh FILE HEADER COMPILER OPTION...
set -eu
file=$1
header=$2
shift 2
"$@" -x c++-header -Xclang -fno-pch-timestamp -fpch-instantiate-templates -MD -MT "$file" -MF "$file.d" -o "$file" "$header"
"$@" -x c++-header -E -P -dD -o "$file.text" "$header"
sha256sum <"$file.text" >"$file.sum"
rm "$file.text"
