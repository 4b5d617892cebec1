// app/connect/event_source.h: one connection to a stream of server events, by libcurl on the loop. Only
// event_source.cpp uses libcurl.
//
// Owner: the session; one source for each connection. Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/connect/options.h"
#include "app/connect/stream_url.h"

namespace starling::app::connect {

class EventSource {
public:
    struct Answer {
        int status = 0;          // 0: no answer.
        std::string type = {};   // Content-Type, in lower case, without parameters.
        std::string error = {};  // In words; "": the stream has ended.
        std::string body = {};   // The first 1 KiB if it is no stream.
        [[nodiscard]] bool is_stream() const {
            return status == 200 && type == "text/event-stream";
        }
    };
    struct Calls {
        std::function<void()> on_open;  // It is a stream.
        std::function<void(std::string_view bytes)> on_bytes;
        std::function<void(const Answer& answer)> on_end;  // Once, last; may destroy the source.
    };
    EventSource(ClientLoop& loop, const StreamUrl& url, const Options& options,
                const std::string& last_id, Calls calls);
    ~EventSource();
    EventSource(const EventSource&) = delete;
    EventSource& operator=(const EventSource&) = delete;

    void pause();  // In on_bytes, too.
    void resume();

private:
    struct Transfer;
    std::unique_ptr<Transfer> transfer_;
};

}  // namespace starling::app::connect
