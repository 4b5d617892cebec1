#include "cluster/native/wire.h"

#include "base/assert.h"

namespace starling::cluster::native {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

// ---- Writing --------------------------------------------------------------------------------------

template <class Number>
void put_fixed(char*& at, Number number) noexcept {
    for (size_t i = 0; i < sizeof(Number); ++i)
        *at++ = static_cast<char>(static_cast<uint8_t>(number >> (8 * i)));
}

void add_word(std::string& out, uint64_t number) {
    std::array<char, 8> bytes{};
    char* at = bytes.data();
    put_fixed(at, number);
    out.append(bytes.data(), bytes.size());
}

void add_number(std::string& out, uint64_t number) {
    for (; number >= 0x80; number >>= 7)
        out.push_back(static_cast<char>(static_cast<uint8_t>(number | 0x80)));
    out.push_back(static_cast<char>(number));
}

size_t number_bytes(uint64_t number) noexcept {
    size_t bytes = 1;
    for (; number >= 0x80; number >>= 7) ++bytes;
    return bytes;
}

void add_text(std::string& out, std::string_view text) {
    add_number(out, text.size());
    out.append(text);
}

void begin(WireKind kind, NodeId from, std::string& out) {
    out.clear();
    out.push_back(static_cast<char>(wire_mark));
    out.push_back(static_cast<char>(wire_version));
    out.push_back(static_cast<char>(kind));
    out.push_back(0);  // Flags: for later versions.
    add_word(out, from);
}

uint64_t settings_of(const Status& status) noexcept {
    return uint64_t{status.settings_check} << 16 | status.groups;
}

void add_status(std::string& out, const Status& status) {
    add_number(out, status.number);
    add_number(out, status.version);
    add_word(out, status.digest);
    add_number(out, status.rooms);
    add_number(out, status.members);
    add_number(out, settings_of(status));
    out.push_back(static_cast<char>((status.floods ? 1 : 0) | (status.confirm ? 2 : 0)));
    add_text(out, status.name);
}

size_t status_bytes(const Status& status) noexcept {
    return number_bytes(status.number) + number_bytes(status.version) + 8 +
           number_bytes(status.rooms) + number_bytes(status.members) +
           number_bytes(settings_of(status)) + 1 + number_bytes(status.name.size()) +
           status.name.size();
}

bool has_rooms(ItemKind kind) noexcept {
    return kind == ItemKind::publication || kind == ItemKind::question;
}

// Without the rooms.
size_t body_bytes(const Item& item) noexcept {
    switch (item.kind) {
        case ItemKind::publication: return 1 + item.payload.size();
        case ItemKind::question: return 1 + number_bytes(item.id) + item.payload.size();
        case ItemKind::answer: return number_bytes(item.id) + 1 + item.payload.size();
        case ItemKind::count: return number_bytes(item.id) + 8;
        case ItemKind::counted: return number_bytes(item.id) + number_bytes(item.number);
        case ItemKind::status: return status_bytes(item.status);
        case ItemKind::sync: return number_bytes(item.version);
        case ItemKind::snapshot:
            return number_bytes(item.version) + number_bytes(item.offset) +
                   number_bytes(item.total) + item.payload.size();
        case ItemKind::more_snapshot: return number_bytes(item.version) + number_bytes(item.offset);
    }
    return 0;
}

void add_body(const Item& item, std::span<const std::string_view> rooms, std::string& out) {
    if (has_rooms(item.kind)) {
        out.push_back(item.direct ? 1 : 0);
        if (item.kind == ItemKind::question) add_number(out, item.id);
        add_number(out, rooms.size());
        for (const auto room : rooms) add_text(out, room);
    } else if (item.kind == ItemKind::status) {
        add_status(out, item.status);
    } else if (item.kind >= ItemKind::sync) {
        add_number(out, item.version);
        if (item.kind >= ItemKind::snapshot) add_number(out, item.offset);
        if (item.kind == ItemKind::snapshot) add_number(out, item.total);
    } else {
        if (item.kind == ItemKind::answer) out.push_back(item.last ? 1 : 0);
        add_number(out, item.id);
        if (item.kind == ItemKind::count) add_word(out, item.number);
        if (item.kind == ItemKind::counted) add_number(out, item.number);
    }
    out.append(item.payload);
}

// ---- Reading --------------------------------------------------------------------------------------

// After a failure, all reads give zero.
class Reader {
public:
    explicit Reader(std::string_view bytes) noexcept : left_(bytes) {}

    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] std::string_view left() const noexcept { return left_; }

    template <class Number>
    Number fixed() noexcept {
        Number number = 0;
        const std::string_view bytes = take(sizeof(Number));
        for (size_t i = 0; i < bytes.size(); ++i)
            number |= static_cast<Number>(static_cast<uint8_t>(bytes[i])) << (8 * i);
        return number;
    }

    // The shortest form alone, so that a value has one form.
    uint64_t number() noexcept {
        uint64_t number = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = fixed<uint8_t>();
            if (!good_) return 0;
            number |= static_cast<uint64_t>(byte & 0x7F) << shift;
            if (byte >= 0x80) continue;
            if ((byte == 0 && shift > 0) || (shift == 63 && byte > 1)) return fail();
            return number;
        }
        return fail();
    }

    std::string_view text(size_t bytes_max) noexcept {
        const uint64_t bytes = number();
        if (bytes > bytes_max) fail();
        return take(good_ ? bytes : 0);
    }

    std::string_view take(size_t bytes) noexcept {
        if (!good_ || bytes > left_.size()) {
            fail();
            return {};
        }
        const std::string_view taken = left_.substr(0, bytes);
        left_.remove_prefix(bytes);
        return taken;
    }

    std::string_view rest() noexcept { return take(left_.size()); }

    uint64_t fail() noexcept {
        good_ = false;
        left_ = {};
        return 0;
    }

private:
    std::string_view left_;
    bool good_ = true;
};

void read_status(Reader& in, Status& status) noexcept {
    status.number = in.number();
    status.version = in.number();
    status.digest = in.fixed<uint64_t>();
    status.rooms = in.number();
    status.members = in.number();
    const uint64_t settings = in.number();
    status.groups = settings & UINT16_MAX;
    if (status.groups == 0 || settings > UINT32_MAX) in.fail();
    status.settings_check = static_cast<uint16_t>(settings >> 16);
    const auto flags = in.fixed<uint8_t>();
    if (flags > 3) in.fail();
    status.floods = (flags & 1) != 0;
    status.confirm = (flags & 2) != 0;
    status.name = in.text(name_bytes_max);
}

void read_batch_head(Reader& in, BatchHead& head) noexcept {
    head.to = in.fixed<uint64_t>();
    head.epoch = in.fixed<uint32_t>();
    head.back = in.fixed<uint32_t>();
    head.seq = in.fixed<uint64_t>();
    head.before = in.fixed<uint64_t>();
    head.acked_epoch = in.fixed<uint32_t>();
    head.acked_ahead = in.fixed<uint32_t>();
    head.acked_next = in.fixed<uint64_t>();
    head.seen_version = in.fixed<uint64_t>();
    const bool before_first = head.seq > 0 && head.back >= head.seq;
    if (head.epoch == 0 || before_first || head.seq > BatchHead::seq_max) in.fail();
}

// The list is checked here, so that next_room() cannot fail.
std::string_view read_rooms(Reader& in) noexcept {
    const std::string_view before = in.left();
    const uint64_t count = in.number();
    if (count > rooms_max) in.fail();
    for (uint64_t i = 0; i < count && in.good(); ++i) static_cast<void>(in.text(room_bytes_max));
    if (!in.good()) return {};
    const size_t head = number_bytes(count);
    return before.substr(head, before.size() - in.left().size() - head);
}

bool read_flag(Reader& in) noexcept {
    const auto flag = in.fixed<uint8_t>();
    if (flag > 1) in.fail();
    return flag == 1;
}

bool has_whole_words(std::string_view bytes) noexcept { return bytes.size() % 8 == 0; }

void read_snapshot(Reader& in, Item& item) noexcept {
    item.version = in.number();
    item.offset = in.number();
    item.total = in.number();
    item.payload = in.rest();
    const uint64_t rooms = word_count(item.payload);
    if (!has_whole_words(item.payload) || item.offset > item.total ||
        rooms > item.total - item.offset)
        in.fail();
    // A part that brings nothing could be asked for again without end.
    if (rooms == 0 && item.offset != item.total) in.fail();
}

void read_item(Reader& in, Item& item) noexcept {
    switch (item.kind) {
        case ItemKind::publication:
        case ItemKind::question:
            item.direct = read_flag(in);
            if (item.kind == ItemKind::question) item.id = in.number();
            item.rooms = read_rooms(in);
            item.payload = in.rest();
            return;
        case ItemKind::answer:
            item.last = read_flag(in);
            item.id = in.number();
            item.payload = in.rest();
            return;
        case ItemKind::count:
            item.id = in.number();
            item.number = in.fixed<uint64_t>();
            return;
        case ItemKind::counted:
            item.id = in.number();
            item.number = in.number();
            return;
        case ItemKind::status: return read_status(in, item.status);
        case ItemKind::sync: item.version = in.number(); return;
        case ItemKind::snapshot: return read_snapshot(in, item);
        case ItemKind::more_snapshot:
            item.version = in.number();
            item.offset = in.number();
            return;
    }
    in.fail();
}

}  // namespace

std::string to_text(NodeId id) {
    std::string text(16, '0');
    for (size_t i = 16; i-- > 0; id >>= 4) text[i] = digits[id & 15];
    return text;
}

std::string channel_name(std::string_view prefix, const Channel& channel) {
    std::string name(prefix);
    switch (channel.kind) {
        case Channel::Kind::all: return name + ":all";
        case Channel::Kind::group: return name + ":group:" + std::to_string(channel.number);
        case Channel::Kind::node: return name + ":node:" + to_text(channel.number);
    }
    return name;
}

std::optional<Wire> read_wire(std::string_view bytes) noexcept {
    Reader in(bytes);
    if (in.fixed<uint8_t>() != wire_mark || in.fixed<uint8_t>() != wire_version)
        return std::nullopt;
    Wire wire;
    wire.kind = static_cast<WireKind>(in.fixed<uint8_t>());
    if (in.fixed<uint8_t>() != 0) in.fail();
    wire.from = in.fixed<uint64_t>();
    if (wire.from == 0) in.fail();
    switch (wire.kind) {
        case WireKind::beat: read_status(in, wire.status); break;
        case WireKind::gossip:
            read_status(in, wire.status);
            wire.from_version = in.number();
            wire.body = in.rest();
            break;
        case WireKind::batch:
            read_batch_head(in, wire.head);
            wire.body = in.rest();
            if ((wire.head.seq == 0) != wire.body.empty()) in.fail();
            break;
        case WireKind::silent: wire.body = in.rest(); break;
        case WireKind::bye: break;
        default: in.fail();
    }
    if (wire.kind != WireKind::batch && !has_whole_words(wire.body)) in.fail();
    // The version of a gossip is that after its last change, or a newer one.
    if (wire.kind == WireKind::gossip &&
        (wire.from_version > wire.status.version ||
         word_count(wire.body) > wire.status.version - wire.from_version))
        in.fail();
    if (!in.good() || !in.left().empty()) return std::nullopt;
    return wire;
}

uint64_t word_at(std::string_view body, size_t i) noexcept {
    return Reader(body.substr(8 * i)).fixed<uint64_t>();
}

void write_words(std::span<const uint64_t> words, std::string& out) {
    for (const uint64_t word : words) add_word(out, word);
}

void write_beat(NodeId from, const Status& status, std::string& out) {
    begin(WireKind::beat, from, out);
    add_status(out, status);
}

void write_gossip(NodeId from, const Status& status, uint64_t from_version,
                  std::span<const Change> changes, std::string& out) {
    begin(WireKind::gossip, from, out);
    add_status(out, status);
    add_number(out, from_version);
    write_words(changes, out);
}

void write_silent(NodeId from, std::span<const NodeId> nodes, std::string& out) {
    begin(WireKind::silent, from, out);
    write_words(nodes, out);
}

void write_bye(NodeId from, std::string& out) { begin(WireKind::bye, from, out); }

void write_batch_head(NodeId from, const BatchHead& head, std::string& out) noexcept {
    char* at = out.data();
    put_fixed(at, wire_mark);
    put_fixed(at, wire_version);
    put_fixed(at, static_cast<uint8_t>(WireKind::batch));
    put_fixed(at, uint8_t{0});
    put_fixed(at, from);
    put_fixed(at, head.to);
    put_fixed(at, head.epoch);
    put_fixed(at, head.back);
    put_fixed(at, head.seq);
    put_fixed(at, head.before);
    put_fixed(at, head.acked_epoch);
    put_fixed(at, head.acked_ahead);
    put_fixed(at, head.acked_next);
    put_fixed(at, head.seen_version);
}

static_assert(batch_head_bytes == head_bytes + 5 * 8 + 4 * 4);

bool write_item(const Item& item, std::span<const std::string_view> rooms, std::string& out) {
    if (rooms.size() > rooms_max) return false;
    size_t bytes = body_bytes(item);
    if (has_rooms(item.kind)) {
        bytes += number_bytes(rooms.size());
        for (const auto room : rooms) {
            if (room.size() > room_bytes_max) return false;
            bytes += number_bytes(room.size()) + room.size();
        }
    }
    out.push_back(static_cast<char>(item.kind));
    add_number(out, bytes);
    [[maybe_unused]] const size_t start = out.size();
    add_body(item, rooms, out);
    STARLING_ASSERT(out.size() - start == bytes);
    return true;
}

std::optional<Item> next_item(std::string_view& body) noexcept {
    Reader in(body);
    Item item;
    item.kind = static_cast<ItemKind>(in.fixed<uint8_t>());
    const std::string_view content = in.text(SIZE_MAX);
    Reader inner(content);
    if (in.good()) read_item(inner, item);
    if (!in.good() || !inner.good() || !inner.left().empty()) {
        body = {};
        return std::nullopt;
    }
    body = in.left();
    return item;
}

std::optional<std::string_view> next_room(std::string_view& rooms) noexcept {
    if (rooms.empty()) return std::nullopt;
    Reader in(rooms);
    const std::string_view room = in.text(room_bytes_max);
    rooms = in.left();
    return room;
}

}  // namespace starling::cluster::native
