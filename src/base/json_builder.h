// base/json_builder.h: builds Boost.JSON values from the events of boost::json::basic_parser, for
// JSON that peers send. Two things differ from Boost's own parser:
//
// - Doubles are exact: Boost 1.81 gets the last bit wrong for every third number of 17 digits, but
//   a number that JSON.stringify wrote must come back unchanged.
// - A large object gets a random number of buckets. Boost's table compares a new key with all keys
//   of its bucket, and a peer that knows the number of buckets can send keys that all fall into
//   one: 65,000 such keys cost seconds. The bucket of a key is FNV-1a(key) modulo the capacity, and
//   the capacity is the number of members that the parser announces. So this builder announces a
//   random number of extra members, which the next member with the same name replaces. The capacity
//   is also odd, with the help of a filler that drop_fillers() removes, so that keys gain nothing
//   from equal low bits in their hashes.
//
// Owner: a parser. Thread: the owner's.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/error.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value_stack.hpp>

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace starling::base {

// SplitMix64. The draws are random and secret if `seed` is.
class TableDraws {
public:
    explicit TableDraws(uint64_t seed) noexcept : state_(seed) {}

    // Returns a number from 0 to `end` - 1. `end` is a power of two.
    [[nodiscard]] uint32_t below(uint32_t end) noexcept {
        state_ += 0x9e3779b97f4a7c15;
        uint64_t bits = state_;
        bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
        return static_cast<uint32_t>((bits ^ bits >> 31) & (end - 1));
    }

private:
    uint64_t state_;
};

// Counts the members of one object while it is read, and the extra members added to it: at 32
// members up to 7, at 64 up to 15, and so on; in total at most half as many as there are members.
class TableSpread {
public:
    // Call it before each key. Returns how many members `key: null` to add before the real member.
    // Of several members with one name the last counts.
    [[nodiscard]] uint32_t before(std::string_view key, TableDraws& draws) noexcept {
        if (members_ >= first_at && std::has_single_bit(members_))
            owed_ += draws.below(members_ / 4);
        ++members_;
        key_bytes_ += key.size() + 16;
        // Each extra member copies the key. All copies together are no larger than the keys so far.
        if (owed_ == 0 || owed_ * key.size() > key_bytes_) return 0;
        const uint32_t paid = owed_;
        added_ += paid;
        owed_ = 0;
        return paid;
    }
    [[nodiscard]] uint32_t added() const noexcept { return added_; }

    static constexpr uint32_t first_at = 32;

private:
    uint32_t members_ = 0;
    uint32_t owed_ = 0;
    uint32_t added_ = 0;
    uint64_t key_bytes_ = 0;
};

// Differs from every key that was read, because it is not UTF-8.
inline constexpr std::string_view table_filler = "\xff";

// Pushes an object with `members` members, including the added ones. True: it contains a filler.
inline bool push_object(boost::json::value_stack& stack, size_t members) {
    const bool fills = members > TableSpread::first_at && members % 2 == 0;
    if (fills) {
        stack.push_key(table_filler);
        stack.push_null();
    }
    stack.push_object(members + (fills ? 1 : 0));
    return fills;
}

// Removes the fillers from a value in which push_object() returned true.
void drop_fillers(boost::json::value& root);

// A handler of boost::json::basic_parser. If fills() is true after a text, call drop_fillers().
class JsonBuilder {
public:
    using Error = boost::json::error_code;
    using View = boost::json::string_view;

    static constexpr size_t max_object_size = boost::json::object::max_size() / 2;
    static constexpr size_t max_array_size = boost::json::array::max_size();
    static constexpr size_t max_key_size = boost::json::string::max_size();
    static constexpr size_t max_string_size = boost::json::string::max_size();

    // Both must live longer than the builder.
    JsonBuilder(boost::json::value_stack& stack, TableDraws& draws)
        : stack_(stack), draws_(draws) {}

    bool on_document_begin(Error&) {
        open_.clear();
        key_.clear();
        fills_ = false;
        return true;
    }
    bool on_document_end(Error&) { return true; }
    bool on_object_begin(Error&) { return open_.emplace_back(), true; }
    bool on_object_end(size_t count, Error&) {
        if (push_object(stack_, count + open_.back().added())) fills_ = true;
        open_.pop_back();
        return true;
    }
    bool on_array_begin(Error&) { return true; }
    bool on_array_end(size_t count, Error&) { return stack_.push_array(count), true; }
    bool on_key_part(View part, size_t, Error&) {
        key_.append(part.data(), part.size());
        return true;
    }
    bool on_key(View part, size_t, Error&) {
        if (key_.empty()) {
            push_key(part);
        } else {
            key_.append(part.data(), part.size());
            push_key(key_);
            key_.clear();
        }
        return true;
    }
    bool on_string_part(View part, size_t, Error&) { return stack_.push_chars(part), true; }
    bool on_string(View part, size_t, Error&) { return stack_.push_string(part), true; }
    bool on_number_part(View, Error&) { return true; }
    bool on_int64(int64_t number, View, Error&) { return stack_.push_int64(number), true; }
    bool on_uint64(uint64_t number, View, Error&) { return stack_.push_uint64(number), true; }
    bool on_double(double number, View text, Error&) {
        double exact = number;
        const auto end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, exact);
        // A number out of range becomes zero or infinite, as in Boost.JSON.
        stack_.push_double(read.ec == std::errc() && read.ptr == end ? exact : number);
        return true;
    }
    bool on_bool(bool flag, Error&) { return stack_.push_bool(flag), true; }
    bool on_null(Error&) { return stack_.push_null(), true; }
    bool on_comment_part(View, Error&) { return true; }
    bool on_comment(View, Error&) { return true; }

    [[nodiscard]] bool fills() const noexcept { return fills_; }

private:
    void push_key(View key) {
        for (uint32_t n = open_.back().before({key.data(), key.size()}, draws_); n > 0; --n) {
            stack_.push_key(key);
            stack_.push_null();
        }
        stack_.push_key(key);
    }

    boost::json::value_stack& stack_;
    TableDraws& draws_;
    std::vector<TableSpread> open_;  // The objects being read, outermost first.
    bool fills_ = false;
    std::string key_;  // The first parts of a key that comes in parts.
};

}  // namespace starling::base
