#include "socketio/codec/msgpack_writer.h"

#include "base/assert.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::socketio {

using namespace msgpack;

void MsgpackWriter::begin(Type type, std::string_view nsp, std::optional<uint64_t> id) {
    STARLING_ASSERT(type <= Type::connect_error);
    std::string& text = out_.text;
    failed_ = false;
    items_ = 0;
    items_at_ = 0;
    // Without data the client's parser requires that `data` is absent, not null: value() adds
    // `data`.
    members_ = id ? 3 : 2;
    append_byte(text, 0x80 | members_);
    append_text(text, "type");
    append_unsigned(text, static_cast<uint64_t>(type));
    append_text(text, "nsp");
    append_text(text, nsp.empty() ? "/" : nsp);
    if (id) {
        append_text(text, "id");
        append_unsigned(text, *id);
    }
    if (type != Type::event && type != Type::ack) return;
    add_data();
    items_at_ = text.size();
    append_byte(text, 0x90);
}

void MsgpackWriter::add_data() {
    out_.text[0] = static_cast<char>(0x80 | ++members_);
    append_text(out_.text, "data");
}

std::string& MsgpackWriter::item() {
    if (items_at_ == 0 && items_ == 0) add_data();
    STARLING_ASSERT(items_at_ != 0 || items_ == 0);
    ++items_;
    return out_.text;
}

void MsgpackWriter::value(std::string_view text) { append_text(item(), text); }
void MsgpackWriter::value(int64_t number) { append_signed(item(), number); }
void MsgpackWriter::value(uint64_t number) { append_unsigned(item(), number); }
void MsgpackWriter::value(double number) { append_double(item(), number); }
void MsgpackWriter::value(bool flag) { append_byte(item(), flag ? 0xc3 : 0xc2); }
void MsgpackWriter::value(std::nullptr_t) { append_byte(item(), 0xc0); }
void MsgpackWriter::value(const Binary& bytes) { write_bytes(item(), bytes.text()); }
void MsgpackWriter::value(const Json& json) {
    (void)item();
    write(json, items_at_ != 0 ? 2 : 1);
}

void MsgpackWriter::write_bytes(std::string& text, std::string_view bytes) {
    if (items_at_ == 0) failed_ = true;
    append_bytes(text, bytes);
}

void MsgpackWriter::write(const Json& json, size_t depth) {
    // Only the items of an event or an ack hold bytes.
    append_value(out_.text, json, depth, items_at_ != 0, failed_);
}

bool MsgpackWriter::finish() {
    if (items_at_ != 0) {
        std::string head;
        append_array(head, items_);
        out_.text.replace(items_at_, 1, head);
    }
    return !failed_;
}

}  // namespace starling::socketio
