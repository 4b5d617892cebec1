// webhook/signing.h: the headers by which an application identifies and verifies a webhook, as in
// Standard Webhooks (https://www.standardwebhooks.com): webhook-id, webhook-timestamp,
// webhook-signature.
//
// Owner: the gateway's options. Thread: immutable; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::webhook {

// The value of webhook-id: the same for every try of a webhook, different for every webhook.
// `sequence` is Delivery::Due::sequence.
[[nodiscard]] std::string webhook_id(std::string_view conn_id, uint32_t sequence);

class SigningKey {
public:
    // Reads "whsec_" and base64, or raw bytes. A failure says what is wrong with the key without
    // showing it.
    [[nodiscard]] static base::Result<SigningKey> read(std::string_view text);

    // The value of webhook-signature: "v1," and the base64 of HMAC-SHA256 of `id.timestamp.body`.
    // `unix_s`: the value of webhook-timestamp, the time of this try.
    [[nodiscard]] std::string sign(std::string_view id, int64_t unix_s,
                                   std::string_view body) const;

private:
    explicit SigningKey(std::string secret) noexcept : secret_(std::move(secret)) {}

    std::string secret_;
};

}  // namespace starling::webhook
