// server/gzip.h: compresses whole bodies in the gzip format (RFC 1952). Any thread.
#pragma once

#include <memory>
#include <string>

namespace starling::server {

// Null if the result is not smaller. The result contains no name and no time, so the same bytes
// give the same result.
[[nodiscard]] std::shared_ptr<const std::string> gzipped(const std::string& bytes);

}  // namespace starling::server
