#include "load/events.h"

#include <limits>
#include <span>

#include "base/text.h"

namespace starling::load {
namespace {

constexpr http::ResponseLimits limits{.body_bytes_max = std::numeric_limits<uint64_t>::max()};

}  // namespace

Events::Listener::Listener() : reader(limits) { reader.begin(); }

Events::Events(const Plan& plan, const Places& places, Shared& shared, Published& published,
               uint32_t number)
    : Fanout(plan, places, shared, published, number),
      request_(request_head("GET", places.server.upgrade, "Accept: text/event-stream\r\n")) {
    target().request.clear();  // The answer is not that of an upgrade.
}

void Events::ready(Link& link) {
    if (dynamic_cast<Listener*>(&link)) return engine().send(link, request_);
    Fanout::ready(link);
}

void Events::lost(Link& link) {
    if (auto* const listener = dynamic_cast<Listener*>(&link)) {
        listener->reader.begin();
        listener->lines.clear();
    }
    Fanout::lost(link);
}

void Events::on_bytes(Link& link, std::span<std::byte> bytes) {
    auto* const listener = dynamic_cast<Listener*>(&link);
    if (!listener) return Fanout::on_bytes(link, bytes);
    read(*listener, bytes);
}

void Events::read(Listener& listener, std::span<const std::byte> bytes) {
    using Kind = http::ResponseEvent::Kind;
    for (;;) {
        const http::ResponseEvent event = listener.reader.next(bytes);
        switch (event.kind) {
            case Kind::need_more: return;
            case Kind::head:
                if (!begin_stream(listener)) return;
                break;
            case Kind::body_chunk:
                if (!listener.lines.read(base::text_of(event.body), [&](std::string_view data) {
                        (void)arrived(listener, data);
                    }))
                    return fail(listener, Fault::Kind::bad_answer, 0, "a line is too long");
                break;
            case Kind::complete: return fail(listener, Fault::Kind::closed);
            case Kind::error:
                return fail(listener, Fault::Kind::bad_answer, 0,
                            std::string(listener.reader.reason()));
        }
    }
}

bool Events::begin_stream(Listener& listener) {
    const uint16_t status = listener.reader.head().status;
    if (status != 200) {
        fail(listener, Fault::Kind::status, status);
        return false;
    }
    std::string_view type = listener.reader.field("Content-Type");
    type = base::trim(type.substr(0, type.find(';')));
    if (!base::iequals(type, "text/event-stream")) {
        fail(listener, Fault::Kind::bad_answer, 0, "the answer is not text/event-stream");
        return false;
    }
    became_ready(listener);
    return true;
}

bool Events::arrived(Listener& listener, std::string_view data) {
    if (!plan().publish_url.empty()) return delivered(listener, data);
    count(1);
    return true;
}

}  // namespace starling::load
