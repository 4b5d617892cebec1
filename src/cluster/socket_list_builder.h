// cluster/socket_list_builder.h: the handler behind socket_list.h. The events of a message come from
// boost::json::basic_parser or socketio::MsgpackReader. They build the Json of the message, except for
// its list of sockets: the fields of each socket are filled as they come, and only `data` and `auth`
// are values.
//
// Owner: the function that reads a message. Thread: any.
#pragma once

#include <boost/json/value_stack.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_builder.h"
#include "cluster/message.h"
#include "cluster/socket_list.h"

namespace starling::cluster {

class SocketListBuilder {
public:
    using Error = boost::json::error_code;
    using View = boost::json::string_view;

    static constexpr size_t max_object_size = base::JsonBuilder::max_object_size;
    static constexpr size_t max_array_size = base::JsonBuilder::max_array_size;
    static constexpr size_t max_key_size = base::JsonBuilder::max_key_size;
    static constexpr size_t max_string_size = base::JsonBuilder::max_string_size;

    // `message`: a stack of the arena. All must live longer than the builder.
    SocketListBuilder(boost::json::value_stack& message, Arena& arena, SocketsAt where,
                      const Limits& limits, size_t message_bytes, SocketList& list);

    // The value of the message, after its last event.
    [[nodiscard]] Json release();

    bool on_document_begin(Error& error);
    bool on_document_end(Error&) { return true; }
    bool on_object_begin(Error& error) { return begin(true, error), true; }
    bool on_array_begin(Error& error) { return begin(false, error), true; }
    bool on_object_end(size_t members, Error& error) { return end(true, members, error), true; }
    bool on_array_end(size_t items, Error& error) { return end(false, items, error), true; }
    bool on_key_part(View part, size_t size, Error& error);
    bool on_key(View part, size_t size, Error& error);
    bool on_string_part(View part, size_t size, Error& error);
    bool on_string(View part, size_t size, Error& error);
    bool on_number_part(View, Error&) { return true; }
    bool on_int64(int64_t number, View text, Error& error);
    bool on_uint64(uint64_t number, View text, Error& error);
    bool on_double(double number, View text, Error& error);
    bool on_bool(bool flag, Error& error);
    bool on_null(Error& error);
    bool on_comment_part(View, Error&) { return true; }
    bool on_comment(View, Error&) { return true; }

private:
    // Where the next event belongs.
    enum class At : uint8_t {
        message,     // Outside of the list.
        list_begin,  // In the member "sockets"; its first item says whether it is the list.
        list,        // Between two sockets.
        socket,      // Between the fields of one.
        rooms,
        handshake,
        pairs,       // In its headers or in its query.
        pair_items,  // In the list of texts that one name has.
        value,       // In `data` or `auth`.
        skipped,     // In something without a meaning.
    };
    enum class Field : uint8_t {
        none,
        id,
        handshake,
        rooms,
        data,
        headers,
        query,
        url,
        address,
        user,
        xdomain,
        secure,
        issued,
        auth,
    };
    using Pairs = std::vector<std::pair<std::string, std::string>>;

    // Null: the event is not for a Json.
    [[nodiscard]] base::JsonBuilder* target() noexcept;
    [[nodiscard]] RemoteSocket& socket() noexcept { return list_.sockets.back(); }
    void begin(bool object, Error& error);
    void begin_member(bool object, Error& error);
    void begin_value(bool object, Error& error);
    void begin_pairs(Pairs& pairs);
    void begin_socket();
    void begin_skipped();
    void end(bool object, size_t count, Error& error);
    void end_list(Error& error);
    void end_socket();
    void end_value();
    void key(std::string_view name);
    void socket_key(std::string_view name);
    void handshake_key(std::string_view name);
    void text(std::string_view text);
    void scalar(const Json& value);
    void room(const Json& value);
    void item_is_no_socket();
    // False: the answer has more items than the limit.
    [[nodiscard]] bool take_item() noexcept;

    const Limits& limits_;
    const SocketsAt where_;
    const size_t message_bytes_;
    SocketList& list_;
    boost::json::value_stack& message_stack_;
    base::JsonBuilder message_;
    boost::json::value_stack value_stack_;  // Makes values that own their memory.
    base::JsonBuilder value_;

    At at_ = At::message;
    At after_ = At::message;  // Where the value ends, or what is skipped.
    Field field_ = Field::none;
    size_t next_field_ = 0;    // Of a handshake: the one that is expected next.
    size_t depth_ = 0;         // Of the message; the list counts, what is in it does not.
    size_t inner_depth_ = 0;   // Of the value, or of what is skipped.
    bool in_data_ = false;     // In the member "data" of the message.
    bool is_sockets_ = false;  // The next value is that of "sockets".
    std::string key_;          // The first parts of a key or of a text that comes in parts.
    std::string text_;

    size_t items_ = 0;  // Sockets, rooms, headers and query parameters.
    bool has_handshake_ = false, is_over_ = false;
    Fault rooms_fault_;
    Pairs* pairs_ = nullptr;
    std::string name_;                // Of a header or a query parameter.
    size_t headers_ = 0, query_ = 0;  // How many the socket before had.
};

}  // namespace starling::cluster
