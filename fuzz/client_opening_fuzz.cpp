// Fuzzes a server's answer to a client's handshake. The first byte chooses what was asked for; the
// rest is the answer, in which "ACCEPT" stands for the right Sec-WebSocket-Accept. Reads of 1, 7 and
// all bytes must agree, and a WebSocket is open only after 101 with that accept.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "ws/client_opening.h"

namespace {

using namespace starling::ws;
using Step = ClientOpening::Step;
namespace base = starling::base;

void require(bool condition) {
    if (!condition) std::abort();
}

std::string right_accept() {
    const auto key = client_key(std::array<std::byte, 16>{});
    const auto accept = accept_key({key.data(), key.size()});
    return {accept.data(), accept.size()};
}

std::string outcome(const OpeningOptions& options, const ClientUrl& url, std::string_view answer,
                    size_t step_bytes) {
    const std::array<std::byte, 16> random{};
    ClientOpening opening(options, url, random);
    Step step = Step::more;
    size_t left = 0;
    for (size_t at = 0; at < answer.size(); at += step_bytes) {
        auto input = base::bytes_of(answer.substr(at, step_bytes));
        step = opening.on_bytes(input);
        left = answer.size() - std::min(answer.size(), at + step_bytes) + input.size();
        if (step != Step::more && step != Step::body) break;
        require(input.empty());
    }
    if (step == Step::more || step == Step::body) step = opening.on_ended();
    require(step == Step::open || step == Step::redirect || step == Step::failed);
    require(opening.body().size() <= ClientOpening::body_bytes_max);
    require((step == Step::failed) != opening.error().empty());
    if (step == Step::open) {
        require(opening.status() == 101);
        require(answer.find(right_accept()) != answer.npos);
        require(options.subprotocols.empty() == opening.subprotocol().empty());
        require(options.deflate.enabled || !opening.deflate());
    }
    if (step == Step::redirect) (void)resolve_redirect(url, opening.location());
    std::string out = std::to_string(int(step)) + " " + std::to_string(opening.status()) + " " +
                      opening.error() + "|" + opening.location() + "|" +
                      std::string(opening.subprotocol()) + "|" + std::string(opening.extensions());
    if (step == Step::open) out += "|" + std::to_string(left);
    return out + "|" + opening.body();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    OpeningOptions options;
    if (data[0] & 1) options.subprotocols = {"chat", "v2"};
    options.deflate.enabled = data[0] & 2;
    options.deflate.allow_client_context_takeover = data[0] & 4;
    options.deflate.allow_server_context_takeover = data[0] & 8;
    const auto url = parse_client_url(data[0] & 16 ? "wss://h/a" : "ws://h/a");
    std::string answer(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (const size_t at = answer.find("ACCEPT"); at != answer.npos)
        answer.replace(at, 6, right_accept());
    const std::string whole = outcome(options, *url, answer, std::max<size_t>(answer.size(), 1));
    require(outcome(options, *url, answer, 1) == whole);
    require(outcome(options, *url, answer, 7) == whole);
    (void)parse_client_url(answer);
    return 0;
}
