// server/files/open_beneath.h: opens files beneath a directory, and no others (openat2(2)).
//
// Owner:  server::StaticFiles. Thread: any. Blocks as long as the file system does.
#pragma once

#include <cstdint>
#include <string>

#include "base/descriptor.h"
#include "http/file_answer.h"

namespace starling::server {

using base::Descriptor;
using http::FileIdentity;

enum class FileKind : uint8_t { missing, regular, directory, other };

struct FileStatus {
    FileKind kind = FileKind::missing;
    FileIdentity identity = {};
};

enum class Access : uint8_t { look, read };  // O_PATH, which does not touch the file; O_RDONLY.

// `path` is relative, as map_static_path() returns it; "" is `root` itself. Symbolic links are
// followed while they stay beneath `root`. On failure the handle holds -1, and errno is set.
[[nodiscard]] Descriptor open_beneath(int root, const std::string& path, Access access);

// For kernels without openat2 (before 5.6, or in a sandbox that forbids it): opens one component
// after the other, and follows no symbolic link.
[[nodiscard]] Descriptor open_beneath_by_steps(int root, const std::string& path, Access access);

[[nodiscard]] FileStatus status_of(const Descriptor& file);

}  // namespace starling::server
