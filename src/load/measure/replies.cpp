#include "load/measure/replies.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "load/measure/frames.h"

namespace starling::load {

ReplyForm::ReplyForm(bool binary, std::string_view payload)
    : frame(server_frame(binary, payload)),
      header(header_bytes(payload.size())),
      op(binary ? opcode::binary : opcode::text) {
    if (header > sizeof mask || frame.size() < sizeof mask) return;
    std::memset(&mask, 0xff, header);
    std::memcpy(&begin, frame.data(), header);
}

ReplyForm ReplyForm::raw(std::string_view bytes) {
    ReplyForm form;
    form.frame = bytes;
    form.is_raw = true;
    return form;
}

ReplyCounter::Taken ReplyCounter::take(const ReplyForm& form, std::string_view bytes) {
    if (form.is_raw) return take_raw(form, bytes);
    Taken taken;
    while (!bytes.empty()) {
        if (!in_frame_ && !in_message_ && header_have_ == 0 && compared_) {
            const size_t size = form.frame.size();
            while (bytes.size() >= size && form.begins(bytes.data())) {
                bytes.remove_prefix(size);
                ++taken.replies;
            }
            if (bytes.empty()) break;
        }
        if (!in_frame_) {
            taken.wrong = take_header(form, bytes);
            if (*taken.wrong || !in_frame_) break;
        }
        taken.wrong = take_payload(form, bytes);
        if (*taken.wrong || left_ > 0) break;
        taken.wrong = end_frame(form, taken);
        if (*taken.wrong || taken.closed) break;
    }
    return taken;
}

std::string ReplyCounter::take_pongs() { return std::exchange(pongs_, {}); }

ReplyCounter::Taken ReplyCounter::take_raw(const ReplyForm& form, std::string_view bytes) {
    Taken taken;
    if (!bytes.empty() && bytes.front() != form.frame[message_])
        taken.wrong = "the bytes are not those that were sent";
    message_ += bytes.size();
    taken.replies = static_cast<uint32_t>(message_ / form.frame.size());
    message_ %= form.frame.size();
    return taken;
}

size_t ReplyCounter::wanted_header() const noexcept {
    if (header_have_ < 2) return 2;
    const unsigned length = header_[1] & 0x7fU;
    return length < 126 ? 2 : length == 126 ? 4 : 10;
}

const char* ReplyCounter::take_header(const ReplyForm& form, std::string_view& bytes) {
    for (size_t wanted = wanted_header(); header_have_ < wanted; wanted = wanted_header()) {
        if (bytes.empty()) return "";
        header_[header_have_++] = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
    }
    return begin_frame(form);
}

const char* ReplyCounter::begin_frame(const ReplyForm& form) {
    const unsigned op = header_[0] & 0x0fU;
    if (header_[0] & 0x70U) return "a frame uses an extension that was not negotiated";
    if (header_[1] & 0x80U) return "a frame of the server is masked";
    uint64_t length = header_[1];
    if (header_have_ > 2) length = 0;
    for (size_t i = 2; i < header_have_; ++i) length = length << 8U | header_[i];
    control_ = op >= opcode::close;
    if (control_) {
        if (op > opcode::pong || !(header_[0] & 0x80U) || length > control_payload_bytes_max)
            return "a control frame is malformed";
        control_payload_.clear();
    } else {
        if (op != (in_message_ ? opcode::continuation : form.op))
            return "a reply has another opcode";
        if (length > form.payload_bytes() - message_) return "a reply has another length";
        in_message_ = true;
    }
    left_ = length;
    in_frame_ = true;
    return "";
}

const char* ReplyCounter::take_payload(const ReplyForm& form, std::string_view& bytes) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
    const std::string_view part = bytes.substr(0, size);
    bytes.remove_prefix(size);
    left_ -= size;
    if (control_) {
        control_payload_ += part;
        return "";
    }
    if (!compared_ && part != std::string_view(form.frame).substr(form.header + message_, size))
        return "a reply has other bytes";
    message_ += size;
    return "";
}

const char* ReplyCounter::end_frame(const ReplyForm& form, Taken& taken) {
    in_frame_ = false;
    header_have_ = 0;
    if (control_) {
        const unsigned op = header_[0] & 0x0fU;
        if (op == opcode::close) {
            taken.closed = true;
            taken.close_code = close_code(control_payload_);
        } else if (op == opcode::ping) {
            if (pongs_.size() > pongs_bytes_max) return "too many pings";
            pongs_ += client_frame(opcode::pong, control_payload_);
        }
        return "";
    }
    if (!(header_[0] & 0x80U)) return "";  // More fragments follow.
    if (message_ != form.payload_bytes()) return "a reply has another length";
    in_message_ = false;
    message_ = 0;
    compared_ = true;
    ++taken.replies;
    return "";
}

}  // namespace starling::load
