#include "server/answer_writer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "net/stream.h"

namespace starling::server {
namespace {

constexpr size_t write_now_from_bytes = 8 * 1024;
constexpr size_t file_piece_bytes = 32 * 1024;  // Bytes of each download that one tick sends.

}  // namespace

AnswerWriter::Progress AnswerWriter::write(net::Stream& stream, std::string& scratch,
                                           const http::Response& response,
                                           const http::WriteContext& context) {
    status_ = response.status();
    const auto body = base::bytes_of(response.body());
    const http::FileBody* const file = http::ResponseAccess::file(response);
    if (!file && body.size() < write_now_from_bytes) {
        const auto head = http::append_response(scratch, response, context);
        keep_alive_ = head.keep_alive;
        if (head.framing == http::SentBody::length) sent_bytes_ = body.size();
        stream.write(base::bytes_of(scratch));
        return Progress::complete;
    }
    if (file && file->source) {
        begin_stream(stream, scratch, response, context);
        if (bodiless_) return Progress::complete;
        file_ = std::make_unique<http::FileBody>(*file);
        return Progress::more;
    }
    const auto head = http::append_response_head(scratch, response, context);
    keep_alive_ = head.keep_alive;
    if (head.framing == http::SentBody::none) {
        stream.write(base::bytes_of(scratch));
        return Progress::complete;
    }
    sent_bytes_ = response.body_bytes();
    if (file) {
        stream.write(base::bytes_of(scratch));
        file_ = std::make_unique<http::FileBody>(*file);
        return Progress::more;
    }
    const std::array<iovec, 2> parts{
        {{scratch.data(), scratch.size()}, {const_cast<std::byte*>(body.data()), body.size()}}};
    stream.write_now(parts);
    return Progress::complete;
}

// Sends one piece per tick, so that a large file neither fills memory nor delays other connections.
AnswerWriter::Progress AnswerWriter::pump(net::Stream& stream, std::string& scratch) {
    if (file_->source) return pump_source(stream, scratch);
    scratch.resize(std::min<uint64_t>(file_->bytes, file_piece_bytes));
    const ssize_t got = ::pread(*file_->descriptor, scratch.data(), scratch.size(),
                                static_cast<off_t>(file_->offset));
    if (got <= 0 && file_->bytes > 0) {
        file_.reset();
        return Progress::broken;
    }
    file_->offset += static_cast<uint64_t>(got);
    file_->bytes -= static_cast<uint64_t>(got);
    const iovec part{scratch.data(), static_cast<size_t>(got)};
    stream.write_now({&part, 1});
    if (file_->bytes > 0) return Progress::more;
    file_.reset();
    return Progress::complete;
}

AnswerWriter::Progress AnswerWriter::pump_source(net::Stream& stream, std::string& scratch) {
    const std::optional<std::string> piece = file_->source();
    scratch.clear();  // The source may have written into `scratch`.
    if (piece) {
        write_piece(stream, scratch, *piece);
        return Progress::more;
    }
    end_stream(stream, scratch);
    file_.reset();
    return Progress::complete;
}

void AnswerWriter::begin_stream(net::Stream& stream, std::string& scratch,
                                const http::Response& response, const http::WriteContext& context) {
    status_ = response.status();
    const auto head = http::append_stream_head(scratch, response, context);
    stream.write(base::bytes_of(scratch));
    chunked_ = head.framing == http::SentBody::chunked;
    bodiless_ = head.framing == http::SentBody::none;
    keep_alive_ = head.keep_alive;
}

void AnswerWriter::write_piece(net::Stream& stream, std::string& scratch, std::string_view bytes) {
    sent_bytes_ += bytes.size();
    if (bodiless_ || bytes.empty()) return;
    if (!chunked_) return stream.write(base::bytes_of(bytes));
    http::append_chunk(scratch, bytes);
    stream.write(base::bytes_of(scratch));
}

void AnswerWriter::end_stream(net::Stream& stream, std::string& scratch) const {
    if (!chunked_ || bodiless_) return;
    http::append_last_chunk(scratch);
    stream.write(base::bytes_of(scratch));
}

void AnswerWriter::write_error(net::Stream& stream, std::string& scratch, int status,
                               std::string_view reason, const http::WriteContext& context,
                               std::string_view field_lines) {
    status_ = status;
    keep_alive_ = false;
    http::append_error_response(scratch, status, reason, context, field_lines);
    stream.write(base::bytes_of(scratch));
}

void AnswerWriter::write_last_head(net::Stream& stream, std::string& scratch,
                                   http::Response& response, std::string_view date) {
    status_ = response.status();
    keep_alive_ = false;
    http::append_stream_head(scratch, response.close(), {.version_minor = 0, .date = date});
    stream.write(base::bytes_of(scratch));
}

}  // namespace starling::server
