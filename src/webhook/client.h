// webhook/client.h: what each webhook tells the application about a connected client. Immutable,
// and one allocation, because every idle connection has one.
//
// Owner: the connection. Its last webhooks may be sent after its socket closed, and the Client
//        lives until then. Thread: the connection's worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace starling::webhook {

inline constexpr size_t uuid_length = 36;

// Returns a UUID of version 4 (RFC 9562 section 5.4) as text. `random` comes from a cryptographic
// source; 122 of its bits are used.
[[nodiscard]] std::array<char, uuid_length> make_uuid(
    std::span<const std::byte, 16> random) noexcept;

// Each field is smaller than 1 GiB.
struct ClientFields {
    std::string_view conn_id = {};
    std::string_view user = {};
    std::string_view token = {};
    std::string_view user_agent = {};
    // The request's header lines that are forwarded, in the form in which they are sent.
    std::string_view headers = {};
    // JSON: `data` of the answer that accepted the client; "": none.
    std::string_view session = {};
    // The namespace of a client of Socket.IO; "": "/", or a client of WebSocket.
    std::string_view nsp = {};
    // The client's IP address; "": unknown.
    std::string_view address = {};
    bool is_public = false;  // The client came without a token, and `token` was generated.
};

class Client {
public:
    explicit Client(const ClientFields& fields);

    // The views are valid as long as this object.
    [[nodiscard]] std::string_view conn_id() const noexcept { return part(0); }
    [[nodiscard]] std::string_view user() const noexcept { return part(1); }
    [[nodiscard]] std::string_view user_agent() const noexcept { return part(2); }
    [[nodiscard]] std::string_view headers() const noexcept { return part(3); }
    [[nodiscard]] std::string_view session() const noexcept { return part(4); }
    [[nodiscard]] std::string_view nsp() const noexcept { return part(5); }
    [[nodiscard]] std::string_view address() const noexcept { return part(6); }
    [[nodiscard]] std::string_view token() const noexcept {
        return view(head().token_at, head().token_bytes);
    }
    [[nodiscard]] bool is_public() const noexcept { return head().is_public; }
    // What the views hold together, the token's bytes counted where they are not part of the headers.
    [[nodiscard]] size_t bytes() const noexcept {
        const size_t end = head().ends.back();
        return head().token_at < end ? end : end + head().token_bytes;
    }

private:
    static constexpr size_t parts = 7;
    struct Head {
        std::array<uint32_t, parts> ends;
        // The token is usually part of the forwarded Cookie; then it is not stored again.
        uint32_t token_at;
        uint32_t token_bytes : 31;
        uint32_t is_public : 1;
    };

    [[nodiscard]] const Head& head() const noexcept {
        return *reinterpret_cast<const Head*>(bytes_.get());
    }
    [[nodiscard]] std::string_view view(size_t at, size_t size) const noexcept {
        return {reinterpret_cast<const char*>(bytes_.get()) + sizeof(Head) + at, size};
    }
    [[nodiscard]] std::string_view part(size_t i) const noexcept {
        const size_t begin = i == 0 ? 0 : head().ends[i - 1];
        return view(begin, head().ends[i] - begin);
    }

    std::unique_ptr<std::byte[]> bytes_;
};
static_assert(sizeof(Client) == sizeof(void*),
              "part of the 700 B that an idle connection may cost");

}  // namespace starling::webhook
