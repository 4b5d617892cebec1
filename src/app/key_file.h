// app/key_file.h: the content of a file that holds a key: a secret, or a key in PEM. The server's
// configuration and `starling token` read keys by this one rule.
//
// Thread: the caller's.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

namespace starling::app {

// auth::Authenticator refuses a longer key.
inline constexpr size_t key_bytes_max = 64 * 1024;

// Editors end a file with a line break, which is no part of the secret: all line feeds and carriage
// returns at the end are left out. A longer file is not cut to a key: the result then has more than
// `key_bytes_max` bytes. The caller asks `file` for errors.
[[nodiscard]] std::string read_key(std::istream& file);

}  // namespace starling::app
