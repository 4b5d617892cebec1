// app/token/signing_key.h: signs tokens by RFC 7518 section 3: HS256, RS256, ES256.
//
// The rules for keys are those of auth::Authenticator: a key signs only if an Authenticator takes
// its public half.
//
// Owner: the command, as a value. Thread: immutable; any thread.
#pragma once

#include <starling/auth.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace starling::app {

// "HS256"; nothing for any other text than the three names.
[[nodiscard]] std::optional<auth::Algorithm> algorithm_named(std::string_view name) noexcept;
[[nodiscard]] std::string_view name_of(auth::Algorithm algorithm) noexcept;

class SigningKey {
public:
    // `material`: a secret, or a private key in PEM. Without `algorithm` the key decides: RSA means
    // RS256, P-256 means ES256, and what is no PEM is a secret for HS256. The failure says what is
    // wrong, and never holds a part of the key.
    [[nodiscard]] static base::Result<SigningKey> read(std::string material,
                                                       std::optional<auth::Algorithm> algorithm);

    [[nodiscard]] auth::Algorithm algorithm() const noexcept { return algorithm_; }
    // What auth::Key::material of a server must be: the secret, or the public key in PEM.
    [[nodiscard]] const std::string& verifying_material() const noexcept { return verifying_; }
    // The bytes of the signature; "" if OpenSSL fails.
    [[nodiscard]] std::string sign(std::string_view text) const;

private:
    using PrivateKey = std::unique_ptr<evp_pkey_st, void (*)(evp_pkey_st*)>;
    SigningKey(auth::Algorithm algorithm, std::string verifying, PrivateKey key);
    [[nodiscard]] static base::Result<SigningKey> read_pem(
        const std::string& pem, std::optional<auth::Algorithm> algorithm);

    auth::Algorithm algorithm_;
    std::string verifying_;
    PrivateKey key_;  // Null for HS256.
};

}  // namespace starling::app
