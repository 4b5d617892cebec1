// redis/value.h: a reply of a Redis server: a tree that lies flat, in the order of its bytes.
//
// A node is 24 bytes, and its text is a view into the bytes that were read. An aggregate holds the
// number of its children; `end` is the index of the node after the whole subtree, so that a reader
// steps from child to child without recursion.
//
// Owner: the Reader that read the reply. Views and values end with its next call, or with the bytes
//        that were read. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::redis {

// The kinds of https://redis.io/docs/reference/protocol-spec/, by what they mean: the null of RESP2
// (a bulk string or an array of length -1) and that of RESP3 are one kind, and so are the two forms
// of an error.
enum class Kind : uint8_t {
    null,
    simple,      // "+OK"
    error,       // "-ERR text", "!21\r\nERR text"
    integer,     // ":1"
    bulk,        // "$3\r\nabc"
    array,       // "*2"
    boolean,     // "#t"; integer() is 0 or 1
    real,        // ",1.5", ",inf", ",nan"
    big_number,  // "(3492890328409238509324850943850943825024385", as text
    verbatim,    // "=7\r\ntxt:abc"
    map,         // "%1": children are key, value, key, value
    set,         // "~2"
    push,        // ">2"
};

struct Node {
    Kind kind = Kind::null;
    bool joined = false;    // The text is in Nodes::joined: it was streamed in chunks.
    uint32_t end = 0;       // Index of the node after this one and all below it.
    uint32_t children = 0;  // Of an aggregate.
    uint32_t bytes = 0;     // Of a text.
    union {
        uint64_t at;  // Of a text: its first byte, from the beginning of the reply.
        int64_t integer;
        double real;
    };
};
static_assert(sizeof(Node) == 24, "a reply of a million elements takes 24 MB");

struct Nodes {
    std::vector<Node> nodes;
    std::string joined;
    const char* bytes = nullptr;
};

class Value {
public:
    Value(const Nodes& nodes, uint32_t index) noexcept : nodes_(&nodes), index_(index) {}

    [[nodiscard]] Kind kind() const noexcept { return node().kind; }
    [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
    [[nodiscard]] bool is_error() const noexcept { return kind() == Kind::error; }
    [[nodiscard]] bool is_text() const noexcept {
        return kind() == Kind::simple || kind() == Kind::error || kind() == Kind::bulk ||
               kind() == Kind::big_number || kind() == Kind::verbatim;
    }
    [[nodiscard]] bool is_aggregate() const noexcept { return kind() >= Kind::map || is_array(); }
    [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::array; }

    // "" if the value is no text; of a verbatim string without "txt:".
    [[nodiscard]] std::string_view text() const noexcept {
        if (!is_text()) return {};
        return {(node().joined ? nodes_->joined.data() : nodes_->bytes) + node().at, node().bytes};
    }
    // 0 if the value is no integer and no boolean.
    [[nodiscard]] int64_t integer() const noexcept {
        return kind() == Kind::integer || kind() == Kind::boolean ? node().integer : 0;
    }
    // 0 if the value is no double.
    [[nodiscard]] double real() const noexcept { return kind() == Kind::real ? node().real : 0; }

    // The number of children: of a map twice the number of its pairs. 0 if it is no aggregate.
    [[nodiscard]] uint32_t size() const noexcept { return is_aggregate() ? node().children : 0; }

    class Iterator {
    public:
        Iterator(const Nodes& nodes, uint32_t index) noexcept : nodes_(&nodes), index_(index) {}
        Value operator*() const noexcept { return {*nodes_, index_}; }
        Iterator& operator++() noexcept {
            index_ = nodes_->nodes[index_].end;
            return *this;
        }
        bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

    private:
        const Nodes* nodes_;
        uint32_t index_;
    };
    [[nodiscard]] Iterator begin() const noexcept { return {*nodes_, index_ + 1}; }
    [[nodiscard]] Iterator end() const noexcept { return {*nodes_, node().end}; }
    // `i` must be below size(). Steps over the children before it.
    [[nodiscard]] Value operator[](uint32_t i) const noexcept {
        Iterator at = begin();
        while (i-- > 0) ++at;
        return *at;
    }

private:
    [[nodiscard]] const Node& node() const noexcept { return nodes_->nodes[index_]; }

    const Nodes* nodes_;
    uint32_t index_;
};

}  // namespace starling::redis
