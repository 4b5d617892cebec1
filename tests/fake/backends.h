// tests/fake/backends.h: the backends for the tests of streams: epoll, which completes sends at
// once, one that completes them later as the test says, and io_uring where the kernel has it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include "net/backend.h"
#include "tests/fake/late_backend.h"

namespace starling::fake {

struct BackendKind {
    const char* name;
    std::unique_ptr<net::Backend> (*make)(LateControl& control);
    friend void PrintTo(const BackendKind& kind, std::ostream* out) { *out << kind.name; }
};

inline std::unique_ptr<net::Backend> make_epoll(LateControl&) { return net::make_epoll_backend(); }
inline std::unique_ptr<net::Backend> make_late(LateControl& control) {
    return std::make_unique<LateBackend>(control);
}

inline std::unique_ptr<net::Backend> make_uring(LateControl&) { return net::make_uring_backend(); }

inline bool has_uring() {
    try {
        (void)net::make_uring_backend();
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

inline std::vector<BackendKind> all_backend_kinds() {
    std::vector<BackendKind> all = {{"epoll", &make_epoll}, {"late", &make_late}};
    if (has_uring()) all.push_back({"uring", &make_uring});
    return all;
}

inline const std::vector<BackendKind> backend_kinds = all_backend_kinds();

inline std::string kind_name(const ::testing::TestParamInfo<BackendKind>& test) {
    return test.param.name;
}

}  // namespace starling::fake
