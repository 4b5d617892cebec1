#include "server/admin_ui/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <starling/socketio_admin_ui.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/digest.h"

namespace starling::server {
namespace {

constexpr unsigned long bcrypt_cost_max = 15;  // About 2 s.

// Equal texts, in a time that tells nothing about them.
bool same(std::string_view a, std::string_view b) {
    const auto left = base::sha256(a), right = base::sha256(b);
    return ::CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

bool is_password(std::string_view password) noexcept {
    return !password.empty() && password.size() <= password_bytes_max &&
           password.find('\0') == std::string_view::npos;
}

// Null: the password cannot be hashed in this way.
const char* hashed(const std::string& password, const std::string& setting, crypt_data& memory) {
    const char* const made = ::crypt_rn(password.c_str(), setting.c_str(), &memory, sizeof(memory));
    return made && *made != '*' ? made : nullptr;
}

}  // namespace

std::string_view fault_of_password_hash(const std::string& hash) {
    constexpr std::array<std::string_view, 7> methods{"$2a$", "$2b$", "$2y$", "$y$",
                                                      "$gy$", "$7$",  "$6$"};
    if (hash.empty()) return "is needed: nobody gets in without a password";
    const bool known = std::ranges::any_of(
        methods, [&](std::string_view method) { return hash.starts_with(method); });
    constexpr std::string_view wanted =
        "must be a hash of bcrypt ($2b$), yescrypt ($y$), scrypt ($7$) or SHA-512 ($6$)";
    if (!known) return wanted;
    if (hash[1] == '2' && std::strtoul(hash.c_str() + 4, nullptr, 10) > bcrypt_cost_max)
        return "has a cost above 15: each login would take seconds";
    // A hash that was cut off, or whose salt is wrong, fits no password.
    const auto memory = std::make_unique<crypt_data>();
    const char* const made = hashed("x", hash, *memory);
    if (!made || std::string_view(made).size() != hash.size()) return wanted;
    return {};
}

bool password_matches(std::string_view password, const std::string& hash) {
    if (!is_password(password)) return false;
    const auto memory = std::make_unique<crypt_data>();
    const char* const made = hashed(std::string(password), hash, *memory);
    return made && same(made, hash);
}

PasswordChecks::PasswordChecks(std::string username, std::string hash)
    : username_(std::move(username)), hash_(std::move(hash)) {}

PasswordChecks::~PasswordChecks() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
        waiting_.clear();
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool PasswordChecks::ask(std::string username, std::string password, Done done) {
    {
        const std::lock_guard lock(mutex_);
        if (ends_ || waiting_.size() >= waiting_max) return false;
        waiting_.push_back({std::move(username), std::move(password), std::move(done)});
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    changed_.notify_all();
    return true;
}

void PasswordChecks::run() {
    for (;;) {
        Check next;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
            if (ends_) return;
            next = std::move(waiting_.front());
            waiting_.pop_front();
        }
        // The password is compared for a wrong user name as well: the time tells no user name.
        const bool password = password_matches(next.password, hash_);
        next.done(same(next.username, username_) && password);
    }
}

}  // namespace starling::server

namespace starling::sio {

std::string hash_password(std::string_view password) {
    if (!server::is_password(password))
        throw std::invalid_argument("a password has 1 to 255 bytes and no NUL");
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
    // Cost and random bytes: the library's own choice.
    if (!::crypt_gensalt_rn("$y$", 0, nullptr, 0, setting.data(), int(setting.size())))
        throw std::runtime_error("crypt_gensalt_rn() failed");
    const auto memory = std::make_unique<crypt_data>();
    const char* const made = server::hashed(std::string(password), setting.data(), *memory);
    if (!made) throw std::runtime_error("crypt_rn() failed");
    return made;
}

}  // namespace starling::sio
