#include "http/parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/tokens.h"
#include "http/chunk_scanner.h"
#include "http/head_scanner.h"
#include "http/target.h"

namespace starling::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using BeastText = beast::string_view;

std::string_view view(BeastText text) { return {text.data(), text.size()}; }

std::string_view reason_of(const error_code& ec) {
    using beast::http::error;
    if (ec == error::bad_content_length) return "invalid Content-Length";
    if (ec == error::multiple_content_length) return "several lengths";
    if (ec == error::bad_transfer_encoding) return "invalid Transfer-Encoding";
    if (ec == error::bad_chunk || ec == error::bad_chunk_extension) return "invalid chunk";
    return "malformed request";
}

// Larger buffers are freed after a request, since most connections are idle most of the time.
constexpr size_t kept_bytes_max = 2048;

void clear_for_reuse(std::string& buffer) {
    if (buffer.capacity() > kept_bytes_max)
        buffer = std::string();
    else
        buffer.clear();
}

// RFC 9110 section 2.5: a request of a higher minor version is read as one of the highest minor
// version that the server knows. Boost.Beast's parser knows 1.0 and 1.1. `head` was scanned before.
void lower_minor_version(std::string& head) {
    char& minor = head[head.find('\r') - 1];
    minor = std::min(minor, '1');
}

// The parts of a request that the grammar reported. They are checked afterwards.
struct Seen {
    RequestHead head;
    std::vector<Field> fields;
    std::string_view transfer_encoding;
    std::span<const std::byte> body;  // The latest piece of the body.
    uint64_t body_bytes_left = 0;     // Rest of the body's limit.
    uint64_t chunk_bytes_left = 0;    // Rest of the current chunk.
    Fault fault;
    uint32_t hosts = 0, lengths = 0, codings = 0;
    bool in_trailers = false, connection_close = false, connection_keep_alive = false;
};

// The grammar: Boost.Beast's parser. The callbacks store views, and set an error for a fault that
// is certain before the whole head is known.
class Grammar final : public beast::http::basic_parser<true> {
public:
    explicit Grammar(Seen& seen) : seen_(seen) {
        header_limit(UINT32_MAX);  // The scanner has enforced the limits.
        body_limit(boost::none);   // on_chunk_header_impl() and judge_framing() enforce the limit.
    }

private:
    void on_request_impl(beast::http::verb, BeastText method, BeastText target, int version,
                         error_code&) override {
        seen_.head.method = view(method);
        seen_.head.target = view(target);
        seen_.head.version_minor = version == 11 ? 1 : 0;
    }

    void on_response_impl(int, BeastText, int, error_code&) override {}  // Only for responses.

    void on_field_impl(beast::http::field name, BeastText name_text, BeastText value_text,
                       error_code& ec) override {
        if (seen_.in_trailers)
            return;  // RFC 9112 section 7.1.2: trailers are ignored, and never merged into the
                     // head.
        using beast::http::field;
        const auto value = view(value_text);
        seen_.fields.push_back({view(name_text), value});
        if (name == field::host) {
            if (++seen_.hosts > 1) return stop({400, "several Host fields"}, ec);
            seen_.head.host = value;
        } else if (name == field::content_length) {
            // RFC 9112 section 6.3 allows merging equal values, but two lengths are always
            // suspicious.
            if (++seen_.lengths > 1) return stop({400, "several lengths"}, ec);
            if (!std::ranges::all_of(value, base::is_digit))
                return stop({400, "invalid Content-Length"}, ec);
        } else if (name == field::transfer_encoding) {
            ++seen_.codings;
            seen_.transfer_encoding = value;
        } else if (name == field::connection) {
            seen_.connection_close |= base::list_has(value, "close");
            seen_.connection_keep_alive |= base::list_has(value, "keep-alive");
        }
    }

    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    void on_finish_impl(error_code&) override {}

    std::size_t on_body_impl(BeastText body, error_code&) override {
        seen_.body = base::bytes_of(view(body));
        return body.size();
    }

    void on_chunk_header_impl(std::uint64_t size, BeastText, error_code& ec) override {
        if (size > seen_.body_bytes_left) return stop({413, "body too large"}, ec);
        seen_.body_bytes_left -= size;
        seen_.chunk_bytes_left = size;
        seen_.in_trailers = size == 0;
    }

    std::size_t on_chunk_body_impl(std::uint64_t, BeastText body, error_code&) override {
        seen_.body = base::bytes_of(view(body));
        seen_.chunk_bytes_left -= body.size();
        return body.size();
    }

    void stop(Fault fault, error_code& ec) {
        seen_.fault = fault;
        ec = beast::http::error::bad_value;
    }

    Seen& seen_;
};

}  // namespace

struct RequestParser::State {
    enum class Phase : uint8_t {
        head,
        length_body,
        chunk_line,
        chunk_data,
        trailers,
        complete,
        failed
    };

    explicit State(const ParserLimits& parser_limits)
        : limits(parser_limits),
          chunk({parser_limits.chunk_line_bytes_max, parser_limits.extension_bytes_max}) {
        begin();
    }

    void begin() {
        clear_for_reuse(text);
        clear_for_reuse(line);
        auto fields = std::move(seen.fields);
        fields.clear();
        seen = Seen{};
        seen.fields = std::move(fields);
        scanner.emplace(HeadScanner::Part::request_head,
                        HeadScanner::Limits{.bytes_max = limits.head_bytes_max,
                                            .fields_max = limits.fields_max,
                                            .target_bytes_max = limits.target_bytes_max});
        grammar.emplace(seen);
        phase = Phase::head;
    }

    ParseEvent fail(Fault why) {
        seen.fault = why;
        phase = Phase::failed;
        return event(ParseEvent::Kind::error);
    }
    [[nodiscard]] ParseEvent event(ParseEvent::Kind kind) const {
        return {kind, seen.fault.status, seen.fault.reason, {}};
    }

    // Gives `bytes` to the grammar. False: `seen.fault` says why.
    bool put(std::string_view bytes, size_t& taken) {
        error_code ec;
        taken = grammar->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
        if (!ec) return true;
        if (seen.fault.status == 0) seen.fault = {400, reason_of(ec)};
        return false;
    }
    bool put_all(std::string_view bytes) {
        size_t taken = 0;
        if (!put(bytes, taken)) return false;
        if (taken != bytes.size()) seen.fault = {400, "malformed request"};
        return taken == bytes.size();
    }

    ParseEvent next_head(std::span<const std::byte>& input);
    ParseEvent next_length_body(std::span<const std::byte>& input);
    ParseEvent next_chunk_data(std::span<const std::byte>& input);
    std::optional<ParseEvent> next_chunk_line(std::span<const std::byte>& input);
    std::optional<ParseEvent> next_trailers(std::span<const std::byte>& input);
    Fault judge_target();
    Fault judge_framing();
    [[nodiscard]] Fault judge_other_codings() const;
    Fault judge_expectation();

    const ParserLimits& limits;
    std::string text;  // The request's head. Later views point into it.
    std::string line;  // The current chunk line, with the trailers after the last chunk.
    Seen seen;
    std::optional<HeadScanner> scanner;
    ChunkScanner chunk;
    std::optional<Grammar> grammar;
    Phase phase = Phase::head;
};

ParseEvent RequestParser::State::next_head(std::span<const std::byte>& input) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = scanner->scan(bytes);
    if (!scanner->in_blank_lines()) {
        auto fresh = bytes.substr(0, taken);
        if (text.empty()) fresh.remove_prefix(std::min(fresh.find_first_not_of("\r\n"), taken));
        text.append(fresh);  // Also before a fault, since the answer depends on the method.
    }
    if (scanner->fault().status != 0) {
        text.append(bytes.substr(taken, limits.head_bytes_max));  // Kept for raw_field().
        return fail(scanner->fault());
    }
    input = input.subspan(taken);
    if (!scanner->done()) return event(ParseEvent::Kind::need_more);

    lower_minor_version(text);
    if (!put_all(text)) return fail(seen.fault);
    for (const Fault& fault : {judge_target(), judge_framing(), judge_expectation()})
        if (fault.status != 0) return fail(fault);
    seen.head.fields = seen.fields;
    // RFC 9112 section 9.3.
    seen.head.keep_alive =
        !seen.connection_close && (seen.head.version_minor > 0 || seen.connection_keep_alive);
    if (seen.head.chunked) {
        chunk.begin(false);
        line.clear();
    }
    phase = seen.head.chunked      ? Phase::chunk_line
            : seen.head.has_body() ? Phase::length_body
                                   : Phase::complete;
    return event(ParseEvent::Kind::head);
}

// RFC 9112 section 3.2: checks the target and the Host field.
Fault RequestParser::State::judge_target() {
    auto& head = seen.head;
    if (seen.hosts == 0 && head.version_minor > 0) return {400, "no Host"};
    // RFC 9110 section 4.2.1: the host of an http URI must not be empty.
    if (!is_valid_host(head.host, seen.hosts == 0)) return {400, "invalid Host"};
    if (head.method == "CONNECT") return {501, "CONNECT not implemented"};
    const auto target = split_target(head.method, head.target);
    if (!target) return {400, "invalid request target"};
    head.path = target->path;
    head.query = target->query;
    if (target->absolute) head.host = target->authority;
    return {};
}

// RFC 9112 section 6: checks the length of the body.
Fault RequestParser::State::judge_framing() {
    auto& head = seen.head;
    seen.body_bytes_left = limits.body_bytes_max;
    if (seen.codings > 0) {
        if (head.version_minor == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
        if (seen.lengths > 0) return {400, "Content-Length with Transfer-Encoding"};
        head.chunked = seen.codings == 1 && base::iequals(seen.transfer_encoding, "chunked");
        return head.chunked ? Fault() : judge_other_codings();
    }
    if (const auto length = grammar->content_length()) head.content_length = *length;
    if (head.content_length.value_or(0) > limits.body_bytes_max) return {413, "body too large"};
    return {};
}

// RFC 9112 section 6.1: 501 for a coding that this server does not implement. Section 6.3: 400 if
// `chunked` is not the last coding, since the body then has no known length.
Fault RequestParser::State::judge_other_codings() const {
    std::string_view last;
    uint32_t chunked = 0;
    for (const Field& field : seen.fields) {
        if (!base::iequals(field.name, "transfer-encoding")) continue;
        for (std::string_view list = field.value, coding; base::next_element(list, coding);) {
            if (!base::is_token(base::trim(coding.substr(0, coding.find(';')))))
                return {400, "invalid Transfer-Encoding"};
            chunked += base::iequals(coding, "chunked");
            last = coding;
        }
    }
    if (chunked == 1 && base::iequals(last, "chunked"))
        return {501, "transfer coding not implemented"};
    return {400, "unknown transfer coding"};
}

// RFC 9110 section 10.1.1: checks the Expect field.
Fault RequestParser::State::judge_expectation() {
    for (const Field& field : seen.fields) {
        if (!base::iequals(field.name, "expect") || seen.head.version_minor == 0) continue;
        if (!base::iequals(field.value, "100-continue")) return {417, "unknown expectation"};
        seen.head.expects_continue = seen.head.has_body();
    }
    return {};
}

ParseEvent RequestParser::State::next_length_body(std::span<const std::byte>& input) {
    if (input.empty()) return event(ParseEvent::Kind::need_more);
    size_t taken = 0;
    if (!put(base::text_of(input), taken)) return fail(seen.fault);
    input = input.subspan(taken);
    if (grammar->is_done()) phase = Phase::complete;
    return {ParseEvent::Kind::body_chunk, 0, {}, seen.body};
}

ParseEvent RequestParser::State::next_chunk_data(std::span<const std::byte>& input) {
    if (input.empty()) return event(ParseEvent::Kind::need_more);
    size_t taken = 0;
    if (!put(base::text_of(input), taken)) return fail(seen.fault);
    input = input.subspan(taken);
    if (seen.chunk_bytes_left == 0) {
        chunk.begin(true);
        line.clear();
        phase = Phase::chunk_line;
    }
    return {ParseEvent::Kind::body_chunk, 0, {}, seen.body};
}

// Returns nothing if the phase has changed: continue with that phase.
std::optional<ParseEvent> RequestParser::State::next_chunk_line(std::span<const std::byte>& input) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = chunk.scan(bytes);
    if (chunk.fault().status != 0) return fail(chunk.fault());
    line.append(bytes.substr(0, taken));
    input = input.subspan(taken);
    if (!chunk.done()) return event(ParseEvent::Kind::need_more);
    if (chunk.last()) {
        // The grammar needs the last chunk and the trailers in one piece.
        scanner.emplace(HeadScanner::Part::trailers,
                        HeadScanner::Limits{.bytes_max = limits.trailer_bytes_max,
                                            .fields_max = limits.fields_max});
        phase = Phase::trailers;
        return std::nullopt;
    }
    if (!put_all(line)) return fail(seen.fault);
    phase = Phase::chunk_data;
    return std::nullopt;
}

std::optional<ParseEvent> RequestParser::State::next_trailers(std::span<const std::byte>& input) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = scanner->scan(bytes);
    if (scanner->fault().status != 0) return fail(scanner->fault());
    line.append(bytes.substr(0, taken));
    input = input.subspan(taken);
    if (!scanner->done()) return event(ParseEvent::Kind::need_more);
    seen.in_trailers = true;
    if (!put_all(line)) return fail(seen.fault);
    phase = Phase::complete;
    return std::nullopt;
}

RequestParser::RequestParser(const ParserLimits& limits)
    : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

ParseEvent RequestParser::next(std::span<const std::byte>& input) {
    using Phase = State::Phase;
    for (;;) {
        std::optional<ParseEvent> event;
        switch (state_->phase) {
            case Phase::head: return state_->next_head(input);
            case Phase::length_body: return state_->next_length_body(input);
            case Phase::chunk_data: return state_->next_chunk_data(input);
            case Phase::chunk_line: event = state_->next_chunk_line(input); break;
            case Phase::trailers: event = state_->next_trailers(input); break;
            case Phase::complete: return {ParseEvent::Kind::complete};
            case Phase::failed: return state_->event(ParseEvent::Kind::error);
        }
        if (event) return *event;
    }
}

void RequestParser::reset() {
    if (state_->phase != State::Phase::failed) state_->begin();
}

bool RequestParser::started() const noexcept {
    return state_->phase != State::Phase::head || !state_->text.empty();
}

bool RequestParser::is_head_request() const noexcept { return state_->text.starts_with("HEAD "); }

const RequestHead& RequestParser::head() const noexcept { return state_->seen.head; }

std::string_view RequestParser::field(std::string_view name) const noexcept {
    for (const Field& field : state_->seen.fields)
        if (base::iequals(field.name, name)) return field.value;
    return {};
}

std::string_view RequestParser::raw_field(std::string_view name) const noexcept {
    std::string_view rest = state_->text;
    while (!rest.empty()) {
        // Skips to the byte after the CR.
        rest.remove_prefix(std::min(rest.find("\r\n"), rest.size() - 1) + 1);
        if (!rest.starts_with('\n')) return {};
        rest.remove_prefix(1);
        const auto line = rest.substr(0, rest.find("\r\n"));
        if (line.empty() || line.size() == rest.size())
            return {};  // The head ends here, or the line is incomplete.
        const size_t colon = line.find(':');
        if (colon != std::string_view::npos && base::iequals(line.substr(0, colon), name))
            return base::trim(line.substr(colon + 1));
    }
    return {};
}

}  // namespace starling::http
