#include "ws/extensions.h"

#include <algorithm>

#include "base/tokens.h"

namespace starling::ws {

namespace {

constexpr std::string_view deflate_name = "permessage-deflate";

// Reads a header value from its front. Each function moves past the characters that it took.
class Cursor {
public:
    explicit Cursor(std::string_view text) noexcept : rest_(text) {}

    [[nodiscard]] bool at_end() noexcept {
        skip_space();
        return rest_.empty();
    }

    [[nodiscard]] bool take(char c) noexcept {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    // Empty: there is no token here.
    [[nodiscard]] std::string_view take_token() noexcept {
        skip_space();
        size_t length = 0;
        while (length < rest_.size() && base::is_token_char(rest_[length])) ++length;
        const std::string_view token = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return token;
    }

    // Section 9.1: a quoted value must be a token after unescaping.
    [[nodiscard]] bool take_value(std::string& value) {
        if (!take('"')) {
            value = take_token();
            return !value.empty();
        }
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\') rest_.remove_prefix(1);
            if (rest_.empty()) return false;
            value.push_back(rest_.front());
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) return false;
        rest_.remove_prefix(1);
        return base::is_token(value);
    }

private:
    void skip_space() noexcept {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
            rest_.remove_prefix(1);
    }

    std::string_view rest_;
};

bool parse_parameters(Cursor& cursor, Extension& extension) {
    while (cursor.take(';')) {
        if (extension.parameters.size() == extension_parameters_max) return false;
        ExtensionParameter parameter;
        parameter.name = cursor.take_token();
        if (parameter.name.empty()) return false;
        parameter.has_value = cursor.take('=');
        if (parameter.has_value && !cursor.take_value(parameter.value)) return false;
        extension.parameters.push_back(std::move(parameter));
    }
    return true;
}

// The parameters of one header element. Window bits of 0: the parameter is absent, or has no value.
struct DeflateElement {
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
    bool has_server_bits = false;
    bool has_client_bits = false;
    uint8_t server_bits = 0;
    uint8_t client_bits = 0;
};

// RFC 7692 7.1.2: a decimal integer from 8 to 15, without leading zeros.
std::optional<uint8_t> window_bits(std::string_view value) noexcept {
    if (value == "8" || value == "9") return static_cast<uint8_t>(value[0] - '0');
    if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5') {
        return static_cast<uint8_t>(10 + value[1] - '0');
    }
    return std::nullopt;
}

bool read_bits(const ExtensionParameter& parameter, bool& has_bits, uint8_t& bits) noexcept {
    const auto value = window_bits(parameter.value);
    if (has_bits || !value) return false;
    has_bits = true;
    bits = *value;
    return true;
}

bool read_flag(const ExtensionParameter& parameter, bool& flag) noexcept {
    if (flag || parameter.has_value) return false;
    flag = true;
    return true;
}

// Null if 7.1 requires declining: an unknown parameter, a repeated parameter, or an invalid value.
std::optional<DeflateElement> read_deflate(const Extension& extension, bool response) noexcept {
    DeflateElement element;
    for (const ExtensionParameter& parameter : extension.parameters) {
        bool good = false;
        if (parameter.name == "server_no_context_takeover") {
            good = read_flag(parameter, element.server_no_context_takeover);
        } else if (parameter.name == "client_no_context_takeover") {
            good = read_flag(parameter, element.client_no_context_takeover);
        } else if (parameter.name == "server_max_window_bits") {
            good = read_bits(parameter, element.has_server_bits, element.server_bits);
        } else if (parameter.name == "client_max_window_bits") {
            // 7.1.2.2: in an offer, client_max_window_bits may have no value; then the client only
            // accepts the parameter. In a response the value is required.
            if (parameter.has_value || response) {
                good = read_bits(parameter, element.has_client_bits, element.client_bits);
            } else {
                good = read_flag(parameter, element.has_client_bits);
            }
        }
        if (!good) return std::nullopt;
    }
    return element;
}

void append_bits(std::string& text, std::string_view name, unsigned bits) {
    text.append("; ").append(name).append("=").append(std::to_string(bits));
}

bool accept_offer(const DeflateElement& offer, const DeflateOptions& options,
                  DeflateAnswer& answer) {
    // zlib cannot compress with a window of 2^8 bytes.
    if (offer.has_server_bits && offer.server_bits < deflate_window_bits_min) return false;
    DeflateParams params;
    params.server_max_window_bits =
        std::min(options.server_max_window_bits,
                 offer.has_server_bits ? offer.server_bits : window_bits_max);
    params.server_no_context_takeover =
        offer.server_no_context_takeover || !options.allow_server_context_takeover;
    params.client_no_context_takeover =
        offer.client_no_context_takeover || !options.allow_client_context_takeover;
    if (offer.has_client_bits) {
        const uint8_t hint = offer.client_bits ? offer.client_bits : window_bits_max;
        params.client_max_window_bits = std::min(options.client_max_window_bits, hint);
    } else if (options.client_max_window_bits < window_bits_max) {
        // This client does not accept a smaller window, so it must not use context takeover: the
        // server would have to keep a full window.
        params.client_no_context_takeover = true;
    }
    answer.response = deflate_name;
    if (params.server_no_context_takeover) answer.response += "; server_no_context_takeover";
    if (params.client_no_context_takeover) answer.response += "; client_no_context_takeover";
    if (offer.has_server_bits || params.server_max_window_bits < window_bits_max) {
        append_bits(answer.response, "server_max_window_bits", params.server_max_window_bits);
    }
    // 7.1.2.2: allowed only if the offer has the parameter. The value 15 would tell the client
    // nothing.
    if (offer.has_client_bits && params.client_max_window_bits < window_bits_max) {
        append_bits(answer.response, "client_max_window_bits", params.client_max_window_bits);
    }
    answer.params = params;
    return true;
}

}  // namespace

std::optional<std::vector<Extension>> parse_extensions(std::string_view header) {
    std::vector<Extension> extensions;
    Cursor cursor(header);
    if (cursor.at_end()) return extensions;  // An empty value counts as no header.
    do {
        Extension extension;
        extension.name = cursor.take_token();
        if (!extension.name.empty()) {
            if (extensions.size() == extensions_max) return std::nullopt;
            if (!parse_parameters(cursor, extension)) return std::nullopt;
            extensions.push_back(std::move(extension));
        }
    } while (cursor.take(','));  // RFC 2616 2.1 allows empty list elements.
    if (!cursor.at_end() || extensions.empty()) return std::nullopt;
    return extensions;
}

DeflateAnswer negotiate_deflate(std::string_view offers, const DeflateOptions& options) {
    DeflateAnswer answer;
    const auto extensions = parse_extensions(offers);
    if (!extensions) {
        answer.malformed = true;
        return answer;
    }
    if (!options.enabled) return answer;
    for (const Extension& extension : *extensions) {
        if (extension.name != deflate_name) continue;
        const auto offer = read_deflate(extension, false);
        if (offer && accept_offer(*offer, options, answer)) return answer;
    }
    return answer;
}

std::string deflate_offer(const DeflateOptions& options) {
    if (!options.enabled) return {};
    std::string offer(deflate_name);
    if (!options.allow_server_context_takeover) offer += "; server_no_context_takeover";
    if (!options.allow_client_context_takeover) offer += "; client_no_context_takeover";
    if (options.server_max_window_bits < window_bits_max) {
        append_bits(offer, "server_max_window_bits", options.server_max_window_bits);
    }
    offer += "; client_max_window_bits";
    if (options.client_max_window_bits < window_bits_max) {
        offer += "=" + std::to_string(options.client_max_window_bits);
    }
    return offer;
}

DeflateVerdict check_deflate_response(std::string_view response, const DeflateOptions& offered) {
    const auto extensions = parse_extensions(response);
    if (!extensions) return {"malformed Sec-WebSocket-Extensions", {}};
    if (extensions->empty()) return {};
    if (!offered.enabled || extensions->size() > 1 || extensions->front().name != deflate_name) {
        return {"extension that was not offered", {}};
    }
    const auto element = read_deflate(extensions->front(), true);
    if (!element) return {"invalid parameter of permessage-deflate", {}};
    // 7.1.1.1, 7.1.2.1: a server accepts a requested parameter by repeating it; otherwise it must
    // decline the offer.
    if (!offered.allow_server_context_takeover && !element->server_no_context_takeover) {
        return {"server_no_context_takeover was not accepted", {}};
    }
    const uint8_t server_bits = element->has_server_bits ? element->server_bits : window_bits_max;
    if (server_bits > offered.server_max_window_bits) {
        return {"server_max_window_bits was not accepted", {}};
    }
    if (element->has_client_bits && element->client_bits < deflate_window_bits_min) {
        return {"client_max_window_bits=8 cannot be honoured", {}};
    }
    DeflateParams params;
    params.server_max_window_bits = server_bits;
    params.server_no_context_takeover = element->server_no_context_takeover;
    // 7.1.1.2, 7.1.2.2: this side may use less than the server allows.
    params.client_no_context_takeover =
        element->client_no_context_takeover || !offered.allow_client_context_takeover;
    params.client_max_window_bits =
        std::min(offered.client_max_window_bits,
                 element->has_client_bits ? element->client_bits : window_bits_max);
    return {{}, params};
}

}  // namespace starling::ws
