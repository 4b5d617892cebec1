#include "server/admin_ui/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <starling/socketio_admin_ui.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/digest.h"

namespace starling::server {
namespace {

// Above these one comparison takes seconds.
constexpr unsigned long bcrypt_cost_max = 15, sha512_rounds_max = 1'000'000;
constexpr uint64_t memory_bytes_max = 64 * 1024 * 1024;  // Of yescrypt and scrypt.

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

// The value of the digits of crypt(5), the lowest first. Not a digit: above all bounds.
uint64_t digits_of(std::string_view text) noexcept {
    constexpr std::string_view digits =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t value = 0;
    for (size_t i = text.size(); i-- > 0;) {
        const size_t digit = digits.find(text[i]);
        if (digit == std::string_view::npos) return UINT32_MAX;
        value = value << 6 | digit;
    }
    return value;
}

bool fits_memory(uint64_t n_log2, uint64_t r, uint64_t p) noexcept {
    return n_log2 < 32 && r <= memory_bytes_max && p <= memory_bytes_max &&
           p * r <= (memory_bytes_max / 128) >> n_log2;
}

// `params`: of "$y$params$salt$..." "j", log2 of N and r, each a digit from 1. Other forms, with more
// threads or a file in memory, are made by no tool.
bool is_cheap_yescrypt(std::string_view params) noexcept {
    return params.size() == 3 && params[0] == 'j' &&
           fits_memory(digits_of(params.substr(1, 1)) + 1, digits_of(params.substr(2, 1)) + 1, 1);
}

// `setting`: after "$7$", log2 of N in one digit, r and p in five digits each, then the salt.
bool is_cheap_scrypt(std::string_view setting) noexcept {
    return setting.size() >= 11 &&
           fits_memory(digits_of(setting.substr(0, 1)), digits_of(setting.substr(1, 5)),
                       digits_of(setting.substr(6, 5)));
}

// False: one comparison would take seconds, or much memory.
bool is_cheap(const std::string& hash) {
    const std::string_view text = hash;
    const auto number_at = [&](size_t at) { return std::strtoul(hash.c_str() + at, nullptr, 10); };
    if (text.starts_with("$2")) return number_at(4) <= bcrypt_cost_max;
    constexpr std::string_view rounds = "$6$rounds=";
    if (text.starts_with(rounds)) return number_at(rounds.size()) <= sha512_rounds_max;
    if (text.starts_with("$6$")) return true;
    const std::string_view setting = text.substr(text.find('$', 1) + 1);
    if (text.starts_with("$7$")) return is_cheap_scrypt(setting);
    return is_cheap_yescrypt(setting.substr(0, setting.find('$')));
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
    if (!is_cheap(hash))
        return "costs too much: each login would take seconds, see docs/admin-ui.md";
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
    if (!::crypt_gensalt_rn("$y$", 0, nullptr, 0, setting.data(), static_cast<int>(setting.size())))
        throw std::runtime_error("crypt_gensalt_rn() failed");
    const auto memory = std::make_unique<crypt_data>();
    const char* const made = server::hashed(std::string(password), setting.data(), *memory);
    if (!made) throw std::runtime_error("crypt_rn() failed");
    return made;
}

}  // namespace starling::sio
