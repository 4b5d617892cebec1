#include "http/parser.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "base/spares.h"
#include "base/text.h"
#include "base/tokens.h"
#include "http/body_framing.h"
#include "http/head_scanner.h"
#include "http/kept_memory.h"
#include "http/target.h"

namespace starling::http {
namespace {

constexpr size_t usual_fields = 16;  // Of a browser's request.

// RFC 9110 section 7.6.1: a list of tokens.
struct ConnectionOptions {
    bool valid = true, close = false, keep_alive = false;

    void read(std::string_view list) noexcept {
        for (std::string_view option; base::next_element(list, option);) {
            valid = valid && base::is_token(option);
            close = close || base::iequals(option, "close");
            keep_alive = keep_alive || base::iequals(option, "keep-alive");
        }
    }
};

}  // namespace

struct RequestParser::State {
    enum class Phase : uint8_t { head, body, complete, failed };

    // Call use() before anything else.
    State() { lines.reserve(usual_fields); }
    // For a new connection, whose requests have these limits.
    void use(const ParserLimits& parser_limits);
    void begin();
    // Of the memory of the last request a little stays.
    void forget() noexcept;
    ParseEvent fail(Fault why) {
        fault = why;
        phase = Phase::failed;
        return event(ParseEvent::Kind::error);
    }
    [[nodiscard]] ParseEvent event(ParseEvent::Kind kind) const {
        return {kind, fault.status, fault.reason, {}};
    }

    ParseEvent next_head(std::span<const std::byte>& input);
    ParseEvent next_body(std::span<const std::byte>& input);
    void read_request_line();
    Fault read_fields();
    Fault read_field(const Field& field);
    Fault read_length(std::string_view value);
    Fault judge_target();
    Fault judge_framing();
    [[nodiscard]] Fault judge_other_codings() const;
    Fault judge_expectation();
    void begin_body() noexcept;

    const ParserLimits* limits = nullptr;
    std::string text;  // The request's head. Later views point into it.
    std::vector<FieldLine> lines;
    std::vector<Field> fields;
    RequestHead head;
    HeadScanner scanner{HeadScanner::Part::request_head, {}};
    BodyFraming body{BodyFraming::Of::request, {}};
    Fault fault;
    // What the fields of the head said.
    std::string_view transfer_encoding, expectation;
    ConnectionOptions connection;
    uint32_t hosts = 0, codings = 0, expectations = 0;
    Phase phase = Phase::head;
};

void RequestParser::State::use(const ParserLimits& parser_limits) {
    limits = &parser_limits;
    body = BodyFraming(BodyFraming::Of::request,
                       {limits->chunk_line_bytes_max, limits->extension_bytes_max});
    begin();
}

void RequestParser::State::forget() noexcept {
    clear_for_reuse(text);
    clear_for_reuse(lines);
    clear_for_reuse(fields);
}

void RequestParser::State::begin() {
    forget();
    head = {};
    scanner = HeadScanner(HeadScanner::Part::request_head,
                          {.bytes_max = limits->head_bytes_max,
                           .fields_max = limits->fields_max,
                           .target_bytes_max = limits->target_bytes_max});
    fault = {};
    transfer_encoding = expectation = {};
    connection = {};
    hosts = codings = expectations = 0;
    phase = Phase::head;
}

ParseEvent RequestParser::State::next_head(std::span<const std::byte>& input) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = scanner.scan(bytes, &lines);
    if (!scanner.in_blank_lines()) {
        auto fresh = bytes.substr(0, taken);
        if (text.empty()) fresh.remove_prefix(std::min(fresh.find_first_not_of("\r\n"), taken));
        text.append(fresh);  // Also before a fault, since the answer depends on the method.
    }
    if (scanner.fault().status != 0) {
        text.append(bytes.substr(taken, limits->head_bytes_max));  // Kept for raw_field().
        return fail(scanner.fault());
    }
    input = input.subspan(taken);
    if (!scanner.done()) return event(ParseEvent::Kind::need_more);

    read_request_line();
    if (const Fault found = read_fields(); found.status != 0) return fail(found);
    for (const auto judge :
         {&State::judge_target, &State::judge_framing, &State::judge_expectation})
        if (const Fault found = (this->*judge)(); found.status != 0) return fail(found);
    // RFC 9112 section 9.3.
    head.keep_alive = !connection.close && (head.version_minor > 0 || connection.keep_alive);
    begin_body();
    return event(ParseEvent::Kind::head);
}

// The scanner has checked the line: two spaces, and "HTTP/1." with one digit.
void RequestParser::State::read_request_line() {
    const std::string_view line = text;
    const size_t target = line.find(' ') + 1, version = line.find(' ', target) + 1;
    head.method = line.substr(0, target - 1);
    head.target = line.substr(target, version - 1 - target);
    // RFC 9110 section 2.5: a higher minor version is read as the highest that the server knows.
    head.version_minor = line[version + 7] == '0' ? 0 : 1;
}

Fault RequestParser::State::read_fields() {
    append_fields(text, lines, fields);
    for (const Field& field : fields)
        if (const Fault found = read_field(field); found.status != 0) return found;
    if (!connection.valid) return {400, "malformed request"};
    head.fields = fields;
    return {};
}

Fault RequestParser::State::read_field(const Field& field) {
    const auto is = [&field](std::string_view name) { return base::iequals(field.name, name); };
    switch (field.name.size()) {
        case 4:
            if (!is("host")) return {};
            if (++hosts > 1) return {400, "several Host fields"};
            head.host = field.value;
            return {};
        case 6:
            if (!is("expect")) return {};
            ++expectations;
            // The first one that is unknown is the one that is refused.
            if (expectations == 1 || base::iequals(expectation, "100-continue"))
                expectation = field.value;
            return {};
        case 10:
            if (is("connection")) connection.read(field.value);
            return {};
        case 14: return is("content-length") ? read_length(field.value) : Fault();
        case 17:
            if (!is("transfer-encoding")) return {};
            ++codings;
            transfer_encoding = field.value;
            return {};
        default: return {};
    }
}

Fault RequestParser::State::read_length(std::string_view value) {
    // RFC 9112 section 6.3 allows merging equal values, but two lengths are always suspicious.
    if (head.content_length) return {400, "several lengths"};
    uint64_t length = 0;
    const char* const end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, length);
    if (error != std::errc() || at != end) return {400, "invalid Content-Length"};
    head.content_length = length;
    return {};
}

// RFC 9112 section 3.2: checks the target and the Host field.
Fault RequestParser::State::judge_target() {
    if (hosts == 0 && head.version_minor > 0) return {400, "no Host"};
    // RFC 9110 section 4.2.1: the host of an http URI must not be empty.
    if (!is_valid_host(head.host, hosts == 0)) return {400, "invalid Host"};
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
    if (codings > 0) {
        if (head.version_minor == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
        if (head.content_length) return {400, "Content-Length with Transfer-Encoding"};
        head.chunked = codings == 1 && base::iequals(transfer_encoding, "chunked");
        return head.chunked ? Fault() : judge_other_codings();
    }
    if (head.content_length.value_or(0) > limits->body_bytes_max) return {413, "body too large"};
    return {};
}

// RFC 9112 section 6.1: 501 for a coding that this server does not implement. Section 6.3: 400 if
// `chunked` is not the last coding, since the body then has no known length.
Fault RequestParser::State::judge_other_codings() const {
    std::string_view last;
    uint32_t chunked = 0;
    for (const Field& field : fields) {
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
    if (expectations == 0 || head.version_minor == 0) return {};
    if (!base::iequals(expectation, "100-continue")) return {417, "unknown expectation"};
    head.expects_continue = head.has_body();
    return {};
}

void RequestParser::State::begin_body() noexcept {
    phase = head.has_body() ? Phase::body : Phase::complete;
    if (head.chunked)
        body.begin_chunks(limits->body_bytes_max, {.bytes_max = limits->trailer_bytes_max,
                                                   .fields_max = limits->fields_max});
    else
        body.begin_length(head.content_length.value_or(0), limits->body_bytes_max);
}

ParseEvent RequestParser::State::next_body(std::span<const std::byte>& input) {
    const BodyFraming::Event found = body.next(input);
    switch (found.kind) {
        case BodyFraming::Kind::need_more: return event(ParseEvent::Kind::need_more);
        case BodyFraming::Kind::piece: return {ParseEvent::Kind::body_chunk, 0, {}, found.bytes};
        case BodyFraming::Kind::error: return fail(body.fault());
        default: phase = Phase::complete; return {ParseEvent::Kind::complete};
    }
}

// A connection that becomes a WebSocket needs its parser for one request. The next connection gets what
// is left, with the memory of a usual head.
struct RequestParser::Unused {
    using States = base::Spares<std::unique_ptr<State>, 32>;

    [[nodiscard]] static std::unique_ptr<State> take() {
        auto state = States::take();
        return state ? std::move(state) : std::make_unique<State>();
    }
    static void give(std::unique_ptr<State> state) noexcept {
        state->forget();
        States::give(std::move(state));
    }
};

RequestParser::RequestParser(const ParserLimits& limits) : state_(Unused::take()) {
    state_->use(limits);
}
RequestParser::~RequestParser() {
    if (state_) Unused::give(std::move(state_));
}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

ParseEvent RequestParser::next(std::span<const std::byte>& input) {
    using Phase = State::Phase;
    switch (state_->phase) {
        case Phase::head: return state_->next_head(input);
        case Phase::body: return state_->next_body(input);
        case Phase::complete: return {ParseEvent::Kind::complete};
        default: return state_->event(ParseEvent::Kind::error);
    }
}

void RequestParser::reset() {
    if (state_->phase != State::Phase::failed) state_->begin();
}

bool RequestParser::started() const noexcept {
    return state_->phase != State::Phase::head || !state_->text.empty();
}

bool RequestParser::is_head_request() const noexcept { return state_->text.starts_with("HEAD "); }

const RequestHead& RequestParser::head() const noexcept { return state_->head; }

std::string_view RequestParser::field(std::string_view name) const noexcept {
    for (const Field& field : state_->fields)
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
