#include "server/files/open_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace starling::server {
namespace {

// openat2 fails with EAGAIN while a rename is under way, since the kernel cannot tell then whether
// the path stays beneath the root.
constexpr int attempts_max = 8;

int flags_of(Access access) {
    // O_NONBLOCK: if a FIFO replaces a file, opening it must not block the loop. openat2 refuses
    // O_PATH together with flags that have no effect on it.
    return O_CLOEXEC | (access == Access::look ? O_PATH : O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

Descriptor open_with_openat2(int root, const std::string& path, Access access) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags_of(access));
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        const long result = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (result >= 0) return Descriptor(static_cast<int>(result));
        if (errno != EAGAIN && errno != EINTR) break;
    }
    return {};
}

}  // namespace

Descriptor open_beneath(int root, const std::string& path, Access access) {
    static std::atomic<bool> openat2_missing{false};
    const std::string relative = path.empty() ? "." : path;
    if (!openat2_missing.load(std::memory_order_relaxed)) {
        auto file = open_with_openat2(root, relative, access);
        if (file || (errno != ENOSYS && errno != EPERM)) return file;
        if (errno == ENOSYS) openat2_missing.store(true, std::memory_order_relaxed);
    }
    return open_beneath_by_steps(root, relative, access);
}

Descriptor open_beneath_by_steps(int root, const std::string& path, Access access) {
    Descriptor directory;
    int at = root;
    for (size_t begin = 0;;) {
        const size_t slash = path.find('/', begin);
        const bool last = slash == std::string::npos || slash + 1 == path.size();
        const std::string step = begin < path.size() ? path.substr(begin, slash - begin) : ".";
        if (step.empty() || step == "..") {
            errno = EXDEV;
            return {};
        }
        const int directory_flag = slash != std::string::npos ? O_DIRECTORY : 0;
        const int flags = last ? flags_of(access) : O_PATH | O_CLOEXEC;
        Descriptor next(::openat(at, step.c_str(), flags | directory_flag | O_NOFOLLOW));
        if (!next || last) return next;
        directory = std::move(next);
        at = directory.get();
        begin = slash + 1;
    }
}

FileStatus status_of(const Descriptor& file) {
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return {};
    FileStatus result;
    result.kind = S_ISREG(status.st_mode)   ? FileKind::regular
                  : S_ISDIR(status.st_mode) ? FileKind::directory
                                            : FileKind::other;
    result.identity = {static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino),
                       static_cast<uint64_t>(status.st_size),
                       static_cast<int64_t>(status.st_mtim.tv_sec),
                       static_cast<int64_t>(status.st_mtim.tv_nsec)};
    return result;
}

}  // namespace starling::server
