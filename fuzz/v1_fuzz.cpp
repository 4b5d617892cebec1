// The requests and the session of the WebSocket subprotocol starling.v1: any texts, on one
// connection. The host answers some subscriptions at once and others later.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "events/v1_session.h"
#include "hub/position.h"

namespace {

namespace v1 = starling::events::v1;

constexpr v1::SessionLimits limits{
    .subscriptions_max = 5, .info_bytes_max = 64, .data_bytes_max = 256};

class Host final : public v1::Session::Host {
public:
    void send(std::string text) override {
        // What the server sends is JSON, whatever it was asked.
        STARLING_ASSERT(starling::base::utf8_is_valid(text) && starling::base::scan_json(text));
    }
    void subscribe(const v1::Request& request, uint64_t attempt) override {
        STARLING_ASSERT(request.info.size() <= limits.info_bytes_max);
        static_cast<void>(starling::hub::position_from_client(request.since.value_or("")));
        waiting[request.channel] = attempt;
        if (request.presence) answer(request.channel);
    }
    void unsubscribe(std::string_view) override {}
    v1::Problem publish(const v1::Request& request) override {
        STARLING_ASSERT(request.data.size() <= limits.data_bytes_max);
        return {v1::code::forbidden, request.data};
    }
    v1::Problem presence(const v1::Request&) override { return {}; }
    v1::Problem history(const v1::Request& request) override {
        STARLING_ASSERT(request.limit >= 1 && request.limit <= v1::limit_max);
        return {};
    }
    v1::Problem login(const v1::Request&) override { return {}; }

    void answer(std::string channel) {  // A copy, since the key in `waiting` is removed.
        const auto found = waiting.find(channel);
        if (found == waiting.end()) return;
        const uint64_t attempt = found->second;
        waiting.erase(found);
        if (attempt % 2 == 0)
            session->refused(channel, attempt, {v1::code::forbidden, "no"});
        else if (session->subscribed(channel, attempt, {.offset = "1-a", .asked = true}))
            on.push_back(std::move(channel));
    }

    std::map<std::string, uint64_t> waiting;
    std::vector<std::string> on;
    v1::Session* session = nullptr;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    Host host;
    v1::Session session(host, limits);
    host.session = &session;
    while (!input.empty()) {
        const size_t end = std::min(input.find('\n'), input.size());
        const std::string_view line = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
        if (line == "answer" && !host.waiting.empty()) host.answer(host.waiting.begin()->first);
        if (line == "end" && !host.on.empty()) {
            session.ended(host.on.back(), {v1::code::needs_login, "the end"});
            host.on.pop_back();
        }
        // A WebSocket's text is UTF-8.
        if (starling::base::utf8_is_valid(line)) session.on_text(line);
        STARLING_ASSERT(session.subscriptions() <= limits.subscriptions_max);
    }
    return 0;
}
