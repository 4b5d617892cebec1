// Fuzzes the opening handshake. The input is lines: options, key, upgrade, connection, version,
// origin, host, subprotocols, extensions. Each answer to permessage-deflate must be allowed by the
// offer.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ws/client_handshake.h"
#include "ws/handshake.h"

namespace {

using namespace starling::ws;

void require(bool condition) {
    if (!condition) std::abort();
}

void negotiate(std::string_view offers, unsigned choice) {
    DeflateOptions options{.enabled = true};
    options.allow_server_context_takeover = choice & 1;
    options.allow_client_context_takeover = choice & 2;
    options.server_max_window_bits = static_cast<uint8_t>(9 + choice / 4 % 7);
    options.client_max_window_bits = static_cast<uint8_t>(9 + choice / 28 % 7);
    const DeflateAnswer answer = negotiate_deflate(offers, options);
    require(answer.params.has_value() == !answer.response.empty());
    require(answer.malformed == !parse_extensions(offers).has_value());
    (void)check_deflate_response(offers, options);
    if (!answer.params) return;
    require(answer.params->server_max_window_bits >= deflate_window_bits_min);
    require(answer.params->server_max_window_bits <= options.server_max_window_bits);
    require(answer.params->client_max_window_bits >= inflate_window_bits_min);
    require(answer.params->client_max_window_bits <= window_bits_max);
    require(answer.params->server_no_context_takeover || options.allow_server_context_takeover);
    // The response is well-formed, and permissive options parse it to the same parameters.
    constexpr DeflateOptions anything{.enabled = true,
                                      .allow_server_context_takeover = true,
                                      .allow_client_context_takeover = true};
    const DeflateVerdict verdict = check_deflate_response(answer.response, anything);
    if (answer.params->client_max_window_bits >= deflate_window_bits_min) {
        require(verdict.params == answer.params);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::array<std::string_view, 9> lines;
    for (std::string_view& line : lines) {
        const size_t end = text.find('\n');
        line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    const unsigned choice = lines[0].empty() ? 0 : static_cast<uint8_t>(lines[0][0]);
    HandshakeRequest request;
    request.method = "GET";
    request.key = lines[1];
    request.upgrade = lines[2];
    request.connection = lines[3];
    request.version = lines[4];
    request.origin = lines[5];
    request.host = lines[6];
    request.protocols = lines[7];
    request.extensions = lines[8];
    const HandshakeVerdict verdict = check_handshake(request);
    require(verdict.status == 101 || verdict.status == 400 || verdict.status == 426);

    const OriginPolicy policy{
        .same_origin = true,
        .allowed = {std::string(lines[5].substr(0, 20)), "https://*.example.com"}};
    (void)origin_allowed(policy, request.origin, request.host, choice & 1);
    (void)origin_pattern_is_valid(request.origin);
    negotiate(request.extensions, choice);

    const std::vector<std::string> supported = {"chat", "v2"};
    const auto subprotocol = select_subprotocol(request.protocols, supported);
    const auto accept = accept_key(request.key);
    ClientHandshake asked{
        .host = "h", .origin = "", .subprotocols = supported, .deflate = {}, .extra = {}};
    asked.deflate.enabled = true;
    const HandshakeResponse response{101,
                                     request.upgrade,
                                     request.connection,
                                     std::string_view(accept.data(), accept.size()),
                                     subprotocol,
                                     request.extensions};
    (void)check_response(response, asked, request.key);
    return 0;
}
