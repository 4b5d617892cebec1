// app/config/values.cpp: the value types of app/config/schema.h: how each is read, checked and
// written.
#include "app/config/checks.h"
#include "app/config/schema.h"

#include <algorithm>
#include <charconv>
#include <type_traits>

#include "base/text.h"

namespace starling::app {
namespace {

using std::chrono::milliseconds;
using Problem = std::optional<std::string>;

template <class T>
struct Word {
    std::string_view text;
    T value;
};

constexpr Word<bool> bool_words[] = {{"true", true}, {"false", false}};
constexpr Word<Listen::Tls> tls_words[] = {
    {"auto", Listen::Tls::automatic}, {"true", Listen::Tls::on}, {"false", Listen::Tls::off}};
constexpr Word<ClientAddressField> address_field_words[] = {
    {"X-Forwarded-For", ClientAddressField::x_forwarded_for},
    {"Forwarded", ClientAddressField::forwarded},
    {"X-Real-IP", ClientAddressField::x_real_ip},
    {"none", ClientAddressField::none}};
constexpr Word<Limits::Excess> limit_words[] = {{"close", Limits::Excess::close},
                                                {"drop", Limits::Excess::drop}};
constexpr Word<log::Level> level_words[] = {{"debug", log::Level::debug},
                                            {"info", log::Level::info},
                                            {"warn", log::Level::warn},
                                            {"error", log::Level::error},
                                            {"off", log::Level::off}};
constexpr Word<log::Format> format_words[] = {{"text", log::Format::text},
                                              {"json", log::Format::json}};
constexpr Word<ws::OnFull> on_full_words[] = {{"close", ws::OnFull::close},
                                              {"drop", ws::OnFull::drop}};
constexpr Word<Kind> kind_words[] = {
    {"echo", Kind::echo}, {"chat", Kind::chat}, {"broadcast", Kind::broadcast}};

constexpr Word<events::Access> access_words[] = {{"anyone", events::Access::anyone},
                                                 {"user", events::Access::user},
                                                 {"owner", events::Access::owner}};
constexpr Word<events::Presence> presence_words[] = {{"none", events::Presence::none},
                                                     {"connections", events::Presence::connections},
                                                     {"users", events::Presence::users}};
constexpr Word<events::Publishers> publishers_words[] = {{"nobody", events::Publishers::nobody},
                                                         {"anyone", events::Publishers::anyone},
                                                         {"user", events::Publishers::user},
                                                         {"owner", events::Publishers::owner}};
constexpr Word<events::Excess> excess_words[] = {{"drop", events::Excess::drop},
                                                 {"latest", events::Excess::latest}};
constexpr Word<auth::Algorithm> algorithm_words[] = {{"HS256", auth::Algorithm::hs256},
                                                     {"RS256", auth::Algorithm::rs256},
                                                     {"ES256", auth::Algorithm::es256}};

constexpr Word<gateway::Olares> olares_words[] = {{"off", gateway::Olares::off},
                                                  {"on", gateway::Olares::on},
                                                  {"strict", gateway::Olares::strict}};
constexpr Word<gateway::KeepAlive> keepalive_words[] = {{"messages", gateway::KeepAlive::messages},
                                                        {"any", gateway::KeepAlive::any}};

constexpr Word<gateway::Admission> admission_words[] = {{"notify", gateway::Admission::notify},
                                                        {"ask", gateway::Admission::ask}};

constexpr Word<gateway::Kind> route_kind_words[] = {{"websocket", gateway::Kind::websocket},
                                                    {"socketio", gateway::Kind::socketio}};

constexpr Word<AccessFormat> access_format_words[] = {{"fields", AccessFormat::fields},
                                                      {"common", AccessFormat::common},
                                                      {"combined", AccessFormat::combined},
                                                      {"json", AccessFormat::json}};

constexpr std::span<const Word<AccessFormat>> words(const AccessFormat*) {
    return access_format_words;
}
constexpr Word<SocketIoKind> socketio_kind_words[] = {{"channels", SocketIoKind::channels},
                                                      {"broadcast", SocketIoKind::broadcast},
                                                      {"gateway", SocketIoKind::gateway}};
constexpr Word<SocketIoLoginRule> login_words[] = {{"none", SocketIoLoginRule::none},
                                                   {"optional", SocketIoLoginRule::optional},
                                                   {"required", SocketIoLoginRule::required}};
constexpr Word<sio::Parser> parser_words[] = {{"json", sio::Parser::json},
                                              {"msgpack", sio::Parser::msgpack}};

constexpr Word<Io> io_words[] = {
    {"auto", Io::automatic}, {"epoll", Io::epoll}, {"io_uring", Io::io_uring}};

constexpr Word<UnknownHost> unknown_host_words[] = {{"default", UnknownHost::serve},
                                                    {"misdirected", UnknownHost::misdirected},
                                                    {"not_found", UnknownHost::not_found}};

constexpr Word<http::SameSite> same_site_words[] = {{"strict", http::SameSite::strict},
                                                    {"lax", http::SameSite::lax},
                                                    {"none", http::SameSite::none}};

constexpr std::span<const Word<http::SameSite>> words(const http::SameSite*) {
    return same_site_words;
}
constexpr std::span<const Word<Io>> words(const Io*) { return io_words; }
constexpr std::span<const Word<UnknownHost>> words(const UnknownHost*) {
    return unknown_host_words;
}
constexpr std::span<const Word<SocketIoKind>> words(const SocketIoKind*) {
    return socketio_kind_words;
}
constexpr std::span<const Word<SocketIoLoginRule>> words(const SocketIoLoginRule*) {
    return login_words;
}
constexpr std::span<const Word<sio::Parser>> words(const sio::Parser*) { return parser_words; }
constexpr std::span<const Word<bool>> words(const bool*) { return bool_words; }
constexpr std::span<const Word<Listen::Tls>> words(const Listen::Tls*) { return tls_words; }
constexpr std::span<const Word<ClientAddressField>> words(const ClientAddressField*) {
    return address_field_words;
}
constexpr std::span<const Word<Limits::Excess>> words(const Limits::Excess*) { return limit_words; }
constexpr std::span<const Word<log::Level>> words(const log::Level*) { return level_words; }
constexpr std::span<const Word<log::Format>> words(const log::Format*) { return format_words; }
constexpr std::span<const Word<ws::OnFull>> words(const ws::OnFull*) { return on_full_words; }
constexpr std::span<const Word<Kind>> words(const Kind*) { return kind_words; }
constexpr std::span<const Word<events::Access>> words(const events::Access*) {
    return access_words;
}
constexpr std::span<const Word<events::Presence>> words(const events::Presence*) {
    return presence_words;
}
constexpr std::span<const Word<events::Publishers>> words(const events::Publishers*) {
    return publishers_words;
}
constexpr std::span<const Word<events::Excess>> words(const events::Excess*) {
    return excess_words;
}
constexpr std::span<const Word<auth::Algorithm>> words(const auth::Algorithm*) {
    return algorithm_words;
}

constexpr std::span<const Word<gateway::Olares>> words(const gateway::Olares*) {
    return olares_words;
}
constexpr std::span<const Word<gateway::Admission>> words(const gateway::Admission*) {
    return admission_words;
}
constexpr std::span<const Word<gateway::Kind>> words(const gateway::Kind*) {
    return route_kind_words;
}
constexpr std::span<const Word<gateway::KeepAlive>> words(const gateway::KeepAlive*) {
    return keepalive_words;
}

template <class T>
constexpr bool is_number = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// "0660": octal digits, as chmod(1) takes them.
std::string octal_text(int64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, 8).ptr;
    return (value == 0 ? "" : "0") + std::string(digits, end);
}

// 1500 ms are written "1.5".
std::string seconds_text(int64_t value_ms) {
    std::string text = std::to_string(value_ms / 1000);
    if (const int64_t rest = value_ms % 1000) {
        std::string digits = std::to_string(1000 + rest).substr(1);
        digits.erase(digits.find_last_not_of('0') + 1);
        text += "." + digits;
    }
    return text;
}

std::optional<int64_t> parse_integer(std::string_view text, int base = 10) noexcept {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "30", "0.25": parses seconds into milliseconds. Refuses a sign, an exponent, and fractions of a
// millisecond.
std::optional<int64_t> parse_seconds(std::string_view text) noexcept {
    const size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    if (whole.empty() || whole.size() > 9) return std::nullopt;
    std::string digits(whole);
    const std::string_view fraction =
        point == std::string_view::npos ? "000" : text.substr(point + 1);
    if (fraction.empty() || fraction.size() > 3) return std::nullopt;
    (digits += fraction).append(3 - fraction.size(), '0');
    const bool decimal = std::ranges::all_of(digits, base::is_digit);
    return decimal ? parse_integer(digits) : std::nullopt;
}

Problem check_text(const Row& row, std::string_view text) {
    for (const char c : text)
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f)
            return "must not contain control characters";
    return row.check ? row.check(text) : std::nullopt;
}

// The text with the folder before a relative file name.
std::string in_folder(const Row& row, std::string_view text, std::string_view prefix_path) {
    constexpr std::string_view unix = "unix:";
    std::string_view scheme;
    const bool is_address = row.check == check_address || row.check == check_optional_address;
    if (is_address && text.starts_with(unix)) scheme = unix;
    const std::string_view name = text.substr(scheme.size());
    const bool is_name = row.path || !scheme.empty();
    if (!is_name || name.empty() || name.starts_with('/')) return std::string(text);
    return std::string(scheme).append(prefix_path).append(name);
}

// Parses one scalar into the variable that the row's slot points to.
struct Reader {
    const Row& row;
    Scalar value;
    std::string_view prefix_path;

    template <class T>
    Problem operator()(T* target) const {
        if constexpr (is_number<T>) {
            std::optional<int64_t> number = parse_integer(value.text, row.octal ? 8 : 10);
            const bool fits = number && *number >= row.min && *number <= row.max;
            if (row.octal && !fits)
                return "must be octal digits like 0660, at most " + octal_text(row.max);
            if ((value.quoted && !row.octal) || !fits) {
                return "must be an integer from " + std::to_string(row.min) + " to " +
                       std::to_string(row.max);
            }
            *target = T(*number);
            return std::nullopt;
        } else {
            return word(target);
        }
    }

    Problem operator()(milliseconds* target) const {
        std::optional<int64_t> number_ms = parse_seconds(value.text);
        if (value.quoted || !number_ms || *number_ms < row.min || *number_ms > row.max) {
            return "must be a number of seconds from " + seconds_text(row.min) + " to " +
                   seconds_text(row.max);
        }
        *target = milliseconds(*number_ms);
        return std::nullopt;
    }

    Problem operator()(std::string* target) const {
        if (Problem problem = check_text(row, value.text)) return problem;
        std::string text = in_folder(row, value.text, prefix_path);
        if (Problem problem = check_text(row, text)) return problem;  // It is longer now.
        *target = std::move(text);
        return std::nullopt;
    }

    Problem operator()(std::vector<std::string>*) const { return "must be a list"; }

    template <class T>
    Problem word(T* target) const {
        std::string all;
        auto list = words(target);
        for (const auto& one : list) {
            if (one.text == value.text && !(value.quoted && std::is_same_v<T, bool>)) {
                *target = one.value;
                return std::nullopt;
            }
            if (!all.empty()) all += &one == &list.back() ? " or " : ", ";
            all += one.text;
        }
        return "must be " + all;
    }
};

struct TypeText {
    const Row& row;

    template <class T>
    std::string operator()(T* target) const {
        if constexpr (is_number<T>) {
            if (row.octal) return "octal, 0 to " + octal_text(row.max);
            return "integer, " + std::to_string(row.min) + " to " + std::to_string(row.max);
        } else {
            std::string all;
            for (const auto& one : words(target)) {
                if (!all.empty()) all += ", ";
                ((all += '`') += one.text) += '`';
            }
            return all;
        }
    }
    std::string operator()(milliseconds*) const {
        return "seconds, " + seconds_text(row.min) + " to " + seconds_text(row.max);
    }
    std::string operator()(std::string*) const { return row.path ? "path" : "text"; }
    std::string operator()(std::vector<std::string>*) const { return "list of text"; }
};

struct ValueText {
    const Row& row;

    template <class T>
    std::string operator()(T* value) const {
        if constexpr (is_number<T>) {
            if (row.octal) return octal_text(*value);
            return std::to_string(*value);
        } else {
            for (const auto& one : words(value))
                if (one.value == *value) return std::string(one.text);
            return {};
        }
    }
    std::string operator()(milliseconds* value) const { return seconds_text(value->count()); }
    std::string operator()(std::string* value) const { return '"' + *value + '"'; }
    std::string operator()(std::vector<std::string>* value) const {
        std::string all = "[";
        for (const std::string& one : *value) {
            if (all.size() > 1) all += ", ";
            all += '"' + one + '"';
        }
        return all + "]";
    }
};

struct FormOf {
    const Row& row;

    template <class T>
    Form operator()(T*) const {
        if constexpr (std::is_same_v<T, bool>) return Form::boolean;
        if constexpr (is_number<T>) return row.octal ? Form::octal : Form::integer;
        return Form::word;
    }
    Form operator()(milliseconds*) const { return Form::seconds; }
    Form operator()(std::string*) const { return Form::text; }
    Form operator()(std::vector<std::string>*) const { return Form::texts; }
};

struct WordsOf {
    std::vector<std::string_view>& all;

    template <class T>
    void operator()(T* target) const {
        if constexpr (!is_number<T>)
            for (const auto& one : words(target)) all.push_back(one.text);
    }
    void operator()(milliseconds*) const {}
    void operator()(std::string*) const {}
    void operator()(std::vector<std::string>*) const {}
};

// All defaults, with one element in each list, so that every slot has a target.
Settings default_settings() {
    Settings settings;
    settings.server.certificates.emplace_back();
    settings.websocket.emplace_back();
    settings.socketio.emplace_back();
    settings.socketio_namespaces.emplace_back();
    settings.sites.emplace_back();
    settings.files.emplace_back();
    settings.event_channels.emplace_back();
    settings.auth_keys.emplace_back();
    settings.gateway.routes.emplace_back();
    return settings;
}

}  // namespace

Form form_of(const Row& row) {
    Settings settings = default_settings();
    return std::visit(FormOf{row}, row.slot(settings));
}

std::vector<std::string_view> words_of(const Row& row) {
    Settings settings = default_settings();
    std::vector<std::string_view> all;
    std::visit(WordsOf{all}, row.slot(settings));
    return all;
}

bool takes_list(const Row& row) { return form_of(row) == Form::texts; }

std::optional<std::string> store(Settings& settings, const Row& row, Scalar value,
                                 std::string_view prefix_path) {
    return std::visit(Reader{row, value, prefix_path}, row.slot(settings));
}

std::optional<ListProblem> store_list(Settings& settings, const Row& row,
                                      std::span<const Scalar> values,
                                      std::string_view prefix_path) {
    std::vector<std::string> texts;
    for (const Scalar& value : values) {
        std::string text;
        if (Problem problem = Reader{row, value, prefix_path}(&text))
            return ListProblem{texts.size(), *problem};
        texts.push_back(std::move(text));
    }
    *std::get<std::vector<std::string>*>(row.slot(settings)) = std::move(texts);
    return std::nullopt;
}

std::string describe_type(const Row& row) {
    Settings settings = default_settings();
    return std::visit(TypeText{row}, row.slot(settings));
}

std::string describe_value(Settings& settings, const Row& row) {
    return std::visit(ValueText{row}, row.slot(settings));
}

std::string describe_default(const Row& row) {
    if (row.required) return "required";
    Settings settings = default_settings();
    return describe_value(settings, row);
}

}  // namespace starling::app
