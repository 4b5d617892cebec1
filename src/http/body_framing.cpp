#include "http/body_framing.h"

#include <algorithm>

#include "base/text.h"

namespace starling::http {

void BodyFraming::begin(Phase phase, uint64_t bytes_max) noexcept {
    phase_ = phase;
    bytes_left_ = bytes_max;
    piece_left_ = 0;
    fault_ = {};
}

void BodyFraming::begin_length(uint64_t bytes, uint64_t bytes_max) noexcept {
    begin(bytes > 0 ? Phase::length : Phase::complete, bytes_max);
    piece_left_ = bytes;
}

void BodyFraming::begin_chunks(uint64_t bytes_max, const HeadScanner::Limits& trailers) noexcept {
    begin(Phase::chunk_line, bytes_max);
    trailer_limits_ = trailers;
    chunk_.begin(false);
}

void BodyFraming::begin_until_close(uint64_t bytes_max) noexcept {
    begin(Phase::until_close, bytes_max);
    piece_left_ = UINT64_MAX;
}

BodyFraming::Event BodyFraming::fail(const Fault& fault) noexcept {
    fault_ = fault;
    phase_ = Phase::failed;
    return {Kind::error};
}

BodyFraming::Event BodyFraming::next(std::span<const std::byte>& input) {
    for (;;) {
        if (phase_ == Phase::complete) return {Kind::complete};
        if (phase_ == Phase::failed) return {Kind::error};
        // Both counts shrink together, so a length over the limit is refused before its first byte.
        if (phase_ == Phase::length && piece_left_ > bytes_left_) return too_large();
        if (input.empty()) return {Kind::need_more};
        switch (phase_) {
            case Phase::chunk_line: take_line(input); break;
            case Phase::trailers: take_trailers(input); break;
            default: return take(input);
        }
    }
}

BodyFraming::Event BodyFraming::take(std::span<const std::byte>& input) noexcept {
    const uint64_t bytes_max = std::min(piece_left_, bytes_left_);
    if (bytes_max == 0) return too_large();
    const auto piece = input.first(std::min<uint64_t>(input.size(), bytes_max));
    input = input.subspan(piece.size());
    bytes_left_ -= piece.size();
    piece_left_ -= piece.size();
    if (piece_left_ == 0) {
        if (phase_ == Phase::chunk_data) chunk_.begin(true);
        phase_ = phase_ == Phase::chunk_data ? Phase::chunk_line : Phase::complete;
    }
    return {Kind::piece, piece};
}

void BodyFraming::take_line(std::span<const std::byte>& input) noexcept {
    const size_t taken = chunk_.scan(base::text_of(input));
    input = input.subspan(taken);
    if (chunk_.fault().status != 0) {
        static_cast<void>(fail(chunk_.fault()));
    } else if (chunk_.done() && chunk_.last()) {
        trailer_text_.clear();
        trailer_lines_.clear();
        trailers_.emplace(HeadScanner::Part::trailers, trailer_limits_);
        phase_ = Phase::trailers;
    } else if (chunk_.done() && chunk_.size() > bytes_left_) {
        static_cast<void>(too_large());
    } else if (chunk_.done()) {
        piece_left_ = chunk_.size();
        phase_ = Phase::chunk_data;
    }
}

void BodyFraming::take_trailers(std::span<const std::byte>& input) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = trailers_->scan(bytes, &trailer_lines_);
    if (of_ == Of::request) trailer_text_.append(bytes.substr(0, taken));
    input = input.subspan(taken);
    if (trailers_->fault().status != 0) {
        static_cast<void>(fail(trailers_->fault()));
    } else if (trailers_->done()) {
        phase_ = Phase::complete;
        if (of_ == Of::request && trailers_frame())
            static_cast<void>(fail({400, "framing in the trailers"}));
        std::string().swap(trailer_text_);  // Few bodies have trailers: their memory is freed.
        std::vector<FieldLine>().swap(trailer_lines_);
    }
}

bool BodyFraming::trailers_frame() const {
    std::vector<Field> fields;
    append_fields(trailer_text_, trailer_lines_, fields);
    return std::ranges::any_of(fields, [](const Field& field) {
        return base::iequals(field.name, "content-length") ||
               base::iequals(field.name, "transfer-encoding");
    });
}

}  // namespace starling::http
