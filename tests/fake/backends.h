// tests/fake/backends.h: the backends for the tests of streams: epoll, which completes sends at
// once, and one that completes them later.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

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

inline const BackendKind backend_kinds[] = {{"epoll", &make_epoll}, {"late", &make_late}};

inline std::string kind_name(const ::testing::TestParamInfo<BackendKind>& test) {
    return test.param.name;
}

}  // namespace starling::fake
