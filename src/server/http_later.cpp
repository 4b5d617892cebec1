// The answers of an HttpConnection that come after the handler returned.
#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "server/http_connection.h"
#include "server/worker.h"

namespace starling::server {

void HttpConnection::finish_later(http::Response response) {
    if (phase_ != Phase::promised) return;
    apply_cors_late(response);
    write_whole(response);
}

// This response is another one than the handler had, which has the fields already.
void HttpConnection::apply_cors_late(http::Response& response) {
    const auto& cors = worker_->site().cors;
    if (!cors) return;
    const http::Request request(request_parts());
    (void)http::apply_cors(*cors, request, response);
}

bool HttpConnection::write_later(std::string_view bytes) {
    if (phase_ != Phase::promised && phase_ != Phase::streaming) return false;
    if (!stream_->is_open()) return false;
    if (stream_->queued_bytes() > worker_->site().options.http.stream_queue_bytes_max) return false;
    write_posted(bytes);
    return true;
}

void HttpConnection::write_posted(std::string_view bytes) {
    if (phase_ == Phase::promised) start_stream();
    if (phase_ != Phase::streaming || !stream_->is_open()) return;
    sent_bytes_ += bytes.size();
    if (!bodiless_ && !bytes.empty()) {
        std::string& out = worker_->scratch();
        if (chunked_) http::append_chunk(out, bytes);
        stream_->write(base::bytes_of(chunked_ ? std::string_view(out) : bytes));
    }
    worker_->replies().set_note(reply_key_,
                                uint32_t(std::min<size_t>(stream_->queued_bytes(), UINT32_MAX)));
    if (stream_->queued_bytes() > 0) stream_->want_drained();
}

void HttpConnection::start_stream() {
    decorate(*promised_);
    status_ = promised_->status();
    std::string& out = worker_->scratch();
    const auto head = http::append_stream_head(out, *promised_, write_context());
    stream_->write(base::bytes_of(out));
    chunked_ = head.framing == http::BodyFraming::chunked;
    bodiless_ = head.framing == http::BodyFraming::none;
    keep_alive_ = head.keep_alive;
    phase_ = Phase::streaming;
}

void HttpConnection::end_later() {
    if (phase_ == Phase::promised) {
        http::Response response = std::move(*promised_);
        return write_whole(response);
    }
    if (phase_ != Phase::streaming) return;
    if (chunked_ && !bodiless_) {
        std::string& out = worker_->scratch();
        http::append_last_chunk(out);
        stream_->write(base::bytes_of(out));
    }
    finish_answer();
}

}  // namespace starling::server
