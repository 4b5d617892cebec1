// server/files/open_beneath.h: opens files that lie beneath a directory, and nothing else (openat2(2)).
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

enum class Access : uint8_t { look, read };  // O_PATH, which touches nothing; O_RDONLY.

// `path` is relative, as map_static_path() gives it; "" is the directory itself. Symbolic links are
// followed as long as they stay beneath `root`. -1 with errno set where it cannot be opened.
[[nodiscard]] Descriptor open_beneath(int root, const std::string& path, Access access);

// The same for kernels without openat2 (before 5.6, or a sandbox that forbids it): one component
// after the other, following no symbolic link at all.
[[nodiscard]] Descriptor open_beneath_by_steps(int root, const std::string& path, Access access);

[[nodiscard]] FileStatus status_of(const Descriptor& file);

}  // namespace starling::server
