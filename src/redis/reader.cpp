#include "redis/reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "base/text.h"

namespace starling::redis {
namespace {

bool parse_integer(std::string_view text, int64_t& value) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return false;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

// Only digits; -1 for "-1", which is the null of RESP2; -2 for anything else.
int64_t parse_length(std::string_view text) {
    if (text == "-1") return -1;
    if (text.empty() || !base::is_digit(text.front())) return -2;
    int64_t value = 0;
    return parse_integer(text, value) ? value : -2;
}

bool parse_real(std::string_view text, double& value) {
    if (text == "inf" || text == "+inf")
        value = std::numeric_limits<double>::infinity();
    else if (text == "-inf")
        value = -std::numeric_limits<double>::infinity();
    else if (text == "nan" || text == "-nan")
        value = std::numeric_limits<double>::quiet_NaN();
    else {
        if (text.starts_with('+')) text.remove_prefix(1);
        // Neither "infinity" nor "nan(1)" nor hexadecimal digits.
        if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc() && end == text.data() + text.size();
    }
    return true;
}

bool is_big_number(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Node text_node(Kind kind, uint64_t at, size_t bytes) {
    Node node;
    node.kind = kind;
    node.at = at;
    node.bytes = static_cast<uint32_t>(bytes);
    return node;
}

Node integer_node(Kind kind, int64_t value) {
    Node node;
    node.kind = kind;
    node.integer = value;
    return node;
}

Node null_node() { return integer_node(Kind::null, 0); }

Kind kind_of(char type) {
    switch (type) {
        case '$': return Kind::bulk;
        case '!': return Kind::error;
        case '=': return Kind::verbatim;
        case '%': return Kind::map;
        case '~': return Kind::set;
        case '>': return Kind::push;
        default: return Kind::array;
    }
}

constexpr size_t length_bytes_max = 20;

}  // namespace

Reader::Step Reader::next(std::span<const std::byte>& input) {
    if (whole_) {
        whole_ = false;
        nodes_.nodes.clear();
        nodes_.joined.clear();
        added_ = 0;
        at_ = scanned_ = 0;
    }
    const auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_, input.size()));
    skip_ -= skipped;
    input = input.subspan(skipped);
    if (skip_ > 0) return Step::need_more;
    const std::string_view text = base::text_of(input);
    Outcome outcome = Outcome::go_on;
    if (state_ == State::failed) return Step::violation;
    while (outcome == Outcome::go_on) outcome = step(text);
    if (outcome != Outcome::bad && (at_ > limits_.reply_bytes_max)) outcome = bad("reply too long");
    if (outcome == Outcome::bad) return Step::violation;
    if (outcome == Outcome::more) {
        // A line or a body that is not whole counts too.
        if (text.size() > limits_.reply_bytes_max + limits_.bulk_bytes_max) {
            static_cast<void>(bad("reply too long"));
            return Step::violation;
        }
        return Step::need_more;
    }
    nodes_.bytes = text.data();
    input = input.subspan(at_);
    whole_ = true;
    return Step::reply;
}

Reader::Outcome Reader::bad(std::string_view why) noexcept {
    fault_ = why;
    state_ = State::failed;
    return Outcome::bad;
}

Reader::Outcome Reader::take_line(std::string_view input, std::string_view& line) {
    // A length is refused long before a text: nothing else could follow.
    const char first = input[at_];
    const bool is_text = first == '+' || first == '-' || first == '(';
    const size_t bytes_max = is_text ? limits_.line_bytes_max : length_bytes_max + 4;
    const size_t from = std::max(scanned_, at_);
    const size_t window_end = std::min<uint64_t>(input.size(), at_ + bytes_max + 2);
    for (size_t at = from; at < window_end; ++at) {
        if (input[at] == '\n') return bad("line feed without carriage return");
        if (input[at] != '\r') continue;
        if (at + 1 == input.size()) {
            scanned_ = at;
            return Outcome::more;
        }
        if (input[at + 1] != '\n') return bad("carriage return without line feed");
        line = input.substr(at_, at - at_);
        at_ = scanned_ = at + 2;
        return Outcome::done;
    }
    if (window_end < input.size() || window_end - at_ >= bytes_max + 2) return bad("line too long");
    scanned_ = window_end;
    return Outcome::more;
}

Reader::Outcome Reader::step(std::string_view input) {
    if (state_ == State::body) return on_body(input);
    if (state_ == State::chunk) return on_chunk(input);
    if (at_ >= input.size()) return Outcome::more;
    const char type = input[at_];
    if (state_ == State::type && !std::strchr("+-:$*_#,(!=%~>|.", type)) return bad("unknown type");
    if (state_ == State::type && type == '\0') return bad("unknown type");
    if (state_ == State::chunk_head && type != ';') return bad("no chunk in a streamed string");
    const size_t begin = at_;
    std::string_view line;
    const Outcome outcome = take_line(input, line);
    if (outcome != Outcome::done) return outcome;
    line.remove_prefix(1);
    if (state_ == State::chunk_head) return on_chunk_head(line);
    return on_line(type, line, begin + 1);
}

Reader::Outcome Reader::on_line(char type, std::string_view line, size_t begin) {
    int64_t integer = 0;
    Node real = null_node();
    switch (type) {
        case '+': return scalar(text_node(Kind::simple, begin, line.size()));
        case '-': return scalar(text_node(Kind::error, begin, line.size()));
        case ':':
            if (!parse_integer(line, integer)) return bad("not an integer");
            return scalar(integer_node(Kind::integer, integer));
        case '_':
            if (!line.empty()) return bad("a null with a value");
            return scalar(null_node());
        case '#':
            if (line != "t" && line != "f") return bad("not a boolean");
            return scalar(integer_node(Kind::boolean, line == "t"));
        case ',':
            real.kind = Kind::real;
            if (!parse_real(line, real.real)) return bad("not a double");
            return scalar(real);
        case '(':
            if (!is_big_number(line)) return bad("not a big number");
            return scalar(text_node(Kind::big_number, begin, line.size()));
        case '.':
            if (!line.empty()) return bad("an end of a stream with a value");
            return on_stream_end();
        case '$':
        case '!':
        case '=': return on_length(type, line);
        default: return on_aggregate(type, line);
    }
}

Reader::Outcome Reader::on_length(char type, std::string_view line) {
    if (type == '$' && line == "?") {
        if (!may_add()) return bad("too many elements");
        joined_at_ = nodes_.joined.size();
        state_ = State::chunk_head;
        return Outcome::go_on;
    }
    const int64_t length = parse_length(line);
    if (length == -1 && type == '$') return scalar(null_node());
    if (length < 0) return bad("not a length");
    if (length > limits_.bulk_bytes_max) {
        if (type != '$' || !is_last_of_push()) return bad("string too long");
        skip_ = static_cast<uint64_t>(length) + 2;
        return scalar(null_node());
    }
    if (type == '=' && length < 4) return bad("a verbatim string without a format");
    if (!may_add()) return bad("too many elements");
    type_ = type;
    length_ = static_cast<uint32_t>(length);
    state_ = State::body;
    return Outcome::go_on;
}

bool Reader::is_last_of_push() const noexcept {
    return frames_.size() == 1 && frames_[0].left == 1 && !frames_[0].attribute &&
           nodes_.nodes[frames_[0].node].kind == Kind::push;
}

Reader::Outcome Reader::on_aggregate(char type, std::string_view line) {
    const bool streamed = line == "?";
    const bool attribute = type == '|';
    if (streamed && (type == '>' || attribute)) return bad("a streamed push or attribute");
    if (type == '>' && !frames_.empty()) return bad("a push inside a reply");
    int64_t children = streamed ? 0 : parse_length(line);
    if (children == -1 && type == '*') return scalar(null_node());
    if (children < 0) return bad("not a length");
    if (type == '>' && children == 0) return bad("an empty push");
    if (!may_add() || children > limits_.elements_max) return bad("too many elements");
    if (type == '%' || attribute) children *= 2;
    if (added_ + static_cast<uint64_t>(children) >= limits_.elements_max)
        return bad("too many elements");
    Node node = null_node();
    node.kind = kind_of(type);
    node.children = static_cast<uint32_t>(children);
    if (children == 0 && !streamed && !attribute) return scalar(node);
    if (frames_.size() >= limits_.depth_max) return bad("too deep");
    ++added_;
    frames_.push_back(
        {static_cast<uint32_t>(nodes_.nodes.size()), node.children, streamed, attribute});
    nodes_.nodes.push_back(node);
    if (children == 0 && attribute) {
        nodes_.nodes.pop_back();
        frames_.pop_back();
    }
    return Outcome::go_on;
}

Reader::Outcome Reader::scalar(const Node& node) {
    if (!may_add()) return bad("too many elements");
    ++added_;
    nodes_.nodes.push_back(node);
    nodes_.nodes.back().end = static_cast<uint32_t>(nodes_.nodes.size());
    state_ = State::type;
    return complete();
}

// The last value is complete; so are the aggregates that end with it.
Reader::Outcome Reader::complete() {
    while (!frames_.empty()) {
        Frame& frame = frames_.back();
        Node& node = nodes_.nodes[frame.node];
        if (frame.streamed) {
            ++node.children;
            return Outcome::go_on;
        }
        if (--frame.left > 0) return Outcome::go_on;
        const bool attribute = frame.attribute;
        node.end = static_cast<uint32_t>(nodes_.nodes.size());
        if (attribute) nodes_.nodes.resize(frame.node);
        frames_.pop_back();
        // The value to which the attribute belongs is still to come.
        if (attribute) return Outcome::go_on;
    }
    return Outcome::done;
}

Reader::Outcome Reader::on_stream_end() {
    if (frames_.empty() || !frames_.back().streamed) return bad("an end without a stream");
    const Frame frame = frames_.back();
    Node& node = nodes_.nodes[frame.node];
    if (node.kind == Kind::map && node.children % 2 != 0) return bad("a key without a value");
    node.end = static_cast<uint32_t>(nodes_.nodes.size());
    frames_.pop_back();
    return complete();
}

Reader::Outcome Reader::on_body(std::string_view input) {
    const uint64_t end = at_ + length_;
    if (input.size() > end && input[end] != '\r') return bad("no line end after a string");
    if (input.size() < end + 2) return Outcome::more;
    if (input[end + 1] != '\n') return bad("no line end after a string");
    uint64_t begin = at_;
    if (type_ == '=') {
        if (input[begin + 3] != ':') return bad("a verbatim string without a format");
        begin += 4;
    }
    at_ = scanned_ = end + 2;
    return scalar(text_node(kind_of(type_), begin, end - begin));
}

Reader::Outcome Reader::on_chunk_head(std::string_view line) {
    const int64_t length = parse_length(line);
    if (length < 0) return bad("not a length");
    const uint64_t whole = nodes_.joined.size() - joined_at_ + static_cast<uint64_t>(length);
    if (length > limits_.bulk_bytes_max || whole > limits_.bulk_bytes_max)
        return bad("string too long");
    if (length == 0) {
        Node node = text_node(Kind::bulk, joined_at_, whole);
        node.joined = true;
        return scalar(node);
    }
    length_ = static_cast<uint32_t>(length);
    state_ = State::chunk;
    return Outcome::go_on;
}

Reader::Outcome Reader::on_chunk(std::string_view input) {
    const uint64_t end = at_ + length_;
    if (input.size() > end && input[end] != '\r') return bad("no line end after a chunk");
    if (input.size() < end + 2) return Outcome::more;
    if (input[end + 1] != '\n') return bad("no line end after a chunk");
    nodes_.joined.append(input, at_, length_);
    at_ = scanned_ = end + 2;
    state_ = State::chunk_head;
    return Outcome::go_on;
}

}  // namespace starling::redis
