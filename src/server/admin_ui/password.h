// server/admin_ui/password.h: passwords as crypt(3) of libxcrypt hashes them, and a thread that
// compares them: one comparison takes 50 to 500 ms, which no worker can wait for.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace starling::server {

inline constexpr size_t username_bytes_max = 255, password_bytes_max = 255;

// "": `hash` can be used. Otherwise the reason why not: its method is broken or unknown, or one
// comparison would take many seconds.
[[nodiscard]] std::string_view fault_of_password_hash(const std::string& hash);
// Any thread. The comparison with the hash takes the same time for each hash of the same method.
[[nodiscard]] bool password_matches(std::string_view password, const std::string& hash);

// Owner: the caller. Its destructor waits for the comparison under way. Thread: any.
class PasswordChecks {
public:
    static constexpr size_t waiting_max = 32;

    PasswordChecks(std::string username, std::string hash);
    ~PasswordChecks();
    PasswordChecks(const PasswordChecks&) = delete;
    PasswordChecks& operator=(const PasswordChecks&) = delete;

    using Done = std::function<void(bool right)>;
    // Calls `done` later, on the thread of the checks. False: too many are waiting; `done` is dropped.
    [[nodiscard]] bool ask(std::string username, std::string password, Done done);

private:
    struct Check {
        std::string username, password;
        Done done;
    };
    void run();

    const std::string username_, hash_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Check> waiting_;
    bool ends_ = false;
    std::thread thread_;  // Begins with the first check.
};

}  // namespace starling::server
