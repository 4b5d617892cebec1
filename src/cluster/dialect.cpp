#include "cluster/dialect.h"

#include <utility>

#include "cluster/classic_codec.h"

namespace starling::cluster {
namespace {

bool is_answer(Kind kind) noexcept { return kind >= Kind::fetched; }

class Classic final : public Dialect {
public:
    Classic(const DialectOptions& options, std::string_view nsp, std::string_view uid)
        : names_(options.key, nsp),
          nsp_(nsp),
          own_responses_(names_.response_to(uid)),
          own_questions_(std::string(uid) + '-'),
          pattern_(options.pattern),
          answer_to_asker_(options.answer_to_asker) {}

    std::vector<Subscription> subscriptions() const override {
        return {pattern_ ? Subscription{Medium::pattern, names_.pattern()}
                         : Subscription{Medium::channel, names_.all()},
                {Medium::channel, names_.request()},
                {Medium::channel, names_.response()},
                {Medium::channel, own_responses_}};
    }
    std::optional<Subscription> of_room(std::string_view room, bool) const override {
        if (pattern_) return std::nullopt;
        return Subscription{Medium::channel, names_.room(room)};
    }
    Subscription questions() const override { return {Medium::channel, names_.request()}; }

    bool write(const Message& message, std::string_view asker, Sending& to) const override {
        to.way = Sending::Way::publish;
        if (message.kind == Kind::emit)
            to.name = message.target.rooms.size() == 1 ? names_.room(message.target.rooms.front())
                                                       : names_.all();
        else if (!is_answer(message.kind))
            to.name = names_.request();
        else if (answer_to_asker_ && !asker.empty() && message.kind != Kind::server_answer)
            to.name = names_.response_to(asker);
        else
            to.name = names_.response();
        return write_classic(message, to.body);
    }
    std::optional<Decoded> read(const Incoming& in, const Limits& limits, Arena& arena,
                                const HoldsRoom& holds) const override {
        if (in.channel == names_.request())
            return read_classic_request(in.payload, nsp_, limits, arena);
        if (in.channel == names_.response() || in.channel == own_responses_) {
            // Every node hears the answers to all others. Most of them are not worth their decoding.
            const std::string_view id = leading_request_id(in.payload);
            if (!id.empty() && !id.starts_with(own_questions_)) return std::nullopt;
            return read_classic_response(in.payload, nsp_, limits, arena);
        }
        const auto room = names_.room_of(in.channel);
        if (!room || (!room->empty() && !holds(*room))) return std::nullopt;
        return read_classic_emit(in.payload, limits, arena);
    }

private:
    const ClassicNames names_;
    const std::string nsp_, own_responses_;
    const std::string own_questions_;  // How the ids of this node's questions begin.
    const bool pattern_, answer_to_asker_;
};

// The sharded adapter, and what the streams adapter sends to channels.
class Sharded : public Dialect {
public:
    Sharded(const DialectOptions& options, std::string_view nsp, std::string_view uid)
        : names_(options.key, nsp), own_(names_.node(uid)), rooms_(options.room_channels) {}

    std::vector<Subscription> subscriptions() const override {
        return {{medium(), names_.all()}, {medium(), own_}};
    }
    std::optional<Subscription> of_room(std::string_view room, bool of_one_socket) const override {
        if (!subscribes(rooms_, of_one_socket)) return std::nullopt;
        return Subscription{medium(), names_.room(room)};
    }
    Subscription questions() const override { return {medium(), names_.all()}; }

    bool write(const Message& message, std::string_view asker, Sending& to) const override {
        to.way = Sending::Way::spublish;
        const auto& rooms = message.target.rooms;
        if (is_answer(message.kind))
            to.name = names_.node(asker);
        else if (message.kind == Kind::emit && rooms.size() == 1 &&
                 has_channel(rooms_, rooms.front()))
            to.name = names_.room(rooms.front());
        else
            to.name = names_.all();
        return write_node_message(message, to.body);
    }
    std::optional<Decoded> read(const Incoming& in, const Limits& limits, Arena& arena,
                                const HoldsRoom&) const override {
        return read_node_message(in.payload, limits, arena);
    }

protected:
    [[nodiscard]] virtual Medium medium() const noexcept { return Medium::shard; }
    [[nodiscard]] const NodeNames& names() const noexcept { return names_; }

private:
    const NodeNames names_;
    const std::string own_;
    const RoomChannels rooms_;
};

class Streams final : public Sharded {
public:
    Streams(const DialectOptions& options, std::string_view nsp, std::string_view uid)
        : Sharded(without_rooms(options), nsp, uid),
          stream_(stream_name(options.stream, options.streams, nsp)),
          sharded_(options.sharded_channels) {}

    bool write(const Message& message, std::string_view asker, Sending& to) const override {
        if (!is_ephemeral(message.kind, !message.request_id.empty())) {
            to.way = Sending::Way::stream;
            to.name = stream_;
            return write_entry(message, to.entry);
        }
        to.way = sharded_ ? Sending::Way::spublish : Sending::Way::publish;
        to.name = is_answer(message.kind) ? names().node(asker) : names().all();
        return write_node_message(message, Format::msgpack, to.body);
    }

protected:
    Medium medium() const noexcept override { return sharded_ ? Medium::shard : Medium::channel; }

private:
    static DialectOptions without_rooms(DialectOptions options) {
        options.room_channels = RoomChannels::none;
        return options;
    }
    const std::string stream_;
    const bool sharded_;
};

}  // namespace

size_t Sending::bytes() const noexcept {
    size_t sum = sizeof(Sending) + name.size() + body.size();
    for (const auto& [field, value] : entry) sum += field.size() + value.size();
    return sum;
}

std::unique_ptr<Dialect> make_dialect(const DialectOptions& options, std::string_view nsp,
                                      std::string_view uid) {
    switch (options.adapter) {
        case Adapter::classic: return std::make_unique<Classic>(options, nsp, uid);
        case Adapter::sharded: return std::make_unique<Sharded>(options, nsp, uid);
        case Adapter::streams: break;
    }
    return std::make_unique<Streams>(options, nsp, uid);
}

}  // namespace starling::cluster
