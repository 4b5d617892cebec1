// auth/signature.h: verifies the signatures of RFC 7518 section 3. Only signature.cpp uses OpenSSL.
//
// Owner:  the Authenticator. Thread: immutable; any thread.
#pragma once

#include <starling/auth.h>

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace starling::auth {

// "HS256": the spelling of `alg`, which is case-sensitive (RFC 7515 section 4.1.1).
[[nodiscard]] std::string_view algorithm_name(Algorithm algorithm) noexcept;

class VerifyingKey {
public:
    // Throws std::invalid_argument that says why the key's material does not fit the algorithm.
    explicit VerifyingKey(Key key);

    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
    // Verifies with this key's algorithm only. Compares in constant time.
    [[nodiscard]] bool verify(std::string_view text, std::string_view signature) const noexcept;

private:
    [[nodiscard]] bool verify_public(std::string_view text,
                                     std::string_view signature) const noexcept;

    std::string id_;
    Algorithm algorithm_;
    std::string secret_;  // HS256 only.
    std::unique_ptr<evp_pkey_st, void (*)(evp_pkey_st*)> public_key_;
};

}  // namespace starling::auth
