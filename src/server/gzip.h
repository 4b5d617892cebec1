// server/gzip.h: whole bodies in the gzip format (RFC 1952). Any thread.
#pragma once

#include <memory>
#include <string>

namespace starling::server {

// Null where the result is not smaller. No name and no time inside: the same bytes give the same
// result.
[[nodiscard]] std::shared_ptr<const std::string> gzipped(const std::string& bytes);

}  // namespace starling::server
