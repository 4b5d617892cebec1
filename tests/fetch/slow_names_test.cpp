// Stands in front of libc's getaddrinfo(), for this program and the libraries that it loads.
#include "tests/fetch/slow_names.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <condition_variable>
#include <mutex>
#include <string_view>

namespace {

struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool slow = false;
    int asked = 0, answered = 0;
};

State& state() {
    static State* const state = new State;  // Threads of libcurl may outlive the program's end.
    return *state;
}

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
    static const auto original =
        reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    const std::string_view asked = name ? name : "";
    if (asked == "two.example") {
        addrinfo* second = nullptr;
        const int result = original("127.0.0.2", service, hints, found) |
                           original("127.0.0.1", service, hints, &second);
        if (result == 0) (*found)->ai_next = second;
        return result;
    }
    if (!asked.starts_with("slow.")) return original(name, service, hints, found);
    State& s = state();
    {
        std::unique_lock lock(s.mutex);
        ++s.asked;
        s.changed.notify_all();
        s.changed.wait(lock, [&] { return !s.slow; });
    }
    const int result = original("127.0.0.1", service, hints, found);
    const std::lock_guard lock(s.mutex);
    ++s.answered;
    s.changed.notify_all();
    return result;
}

namespace starling::fetch {

SlowNames::SlowNames() {
    const std::lock_guard lock(state().mutex);
    state().slow = true;
    state().asked = state().answered = 0;
}

SlowNames::~SlowNames() {
    release();
    std::unique_lock lock(state().mutex);
    state().changed.wait(lock, [] { return state().asked == state().answered; });
}

void SlowNames::release() {
    const std::lock_guard lock(state().mutex);
    state().slow = false;
    state().changed.notify_all();
}

int SlowNames::asked() const {
    const std::lock_guard lock(state().mutex);
    return state().asked;
}

int SlowNames::answered() const {
    const std::lock_guard lock(state().mutex);
    return state().answered;
}

}  // namespace starling::fetch
