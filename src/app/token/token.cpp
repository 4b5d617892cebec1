#include "app/token/token.h"

#include "app/key_file.h"

#include <starling/json.h>

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <istream>
#include <ostream>
#include <stdexcept>
#include <system_error>

#include "base/base64.h"
#include "base/text.h"
#include "base/utf8.h"

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr int64_t day_s = 24 * 3600, lifetime_s_max = 3653 * day_s;
constexpr int64_t lifetime_s_default = 3600;

// Claims that the server refuses in any other type (RFC 7519 section 4.1).
std::string type_fault(std::string_view name, const json::value& value) {
    const bool date = name == "exp" || name == "nbf" || name == "iat";
    if (date && !value.is_number()) return "must be a number: seconds since 1970";
    if ((name == "iss" || name == "sub") && !value.is_string()) return "must be a text in quotes";
    if (name != "aud" || value.is_string()) return {};
    const bool texts = value.is_array() && std::ranges::all_of(value.get_array(), [](auto& one) {
                           return one.is_string();
                       });
    return texts ? "" : "must be a text in quotes, or a list of them";
}

// Adds "NAME=JSON" to `claims`. Returns what is wrong; "" if nothing is.
std::string add_claim(json::object& claims, std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos)
        return "--claim: must be NAME=JSON, as admin=true";
    const std::string_view name = text.substr(0, equals);
    const std::string where = "--claim " + std::string(name) + ": ";
    auto value = parse_json(text.substr(equals + 1));
    if (!value) return where + "must be JSON; a text stands in quotes, as '\"Ada\"'";
    if (const std::string why = type_fault(name, *value); !why.empty()) return where + why;
    if (!claims.emplace(name, *std::move(value)).second)
        return where + "is set twice, or by an option of its own";
    return {};
}

base::Result<json::object> claims_of(const TokenRequest& request, int64_t now_s) {
    json::object claims{{"sub", request.subject}};
    if (!request.issuer.empty()) claims["iss"] = request.issuer;
    if (request.audience.size() == 1) claims["aud"] = request.audience.front();
    if (request.audience.size() > 1)
        claims["aud"] = json::array(request.audience.begin(), request.audience.end());
    if (request.expires_s) claims["exp"] = now_s + *request.expires_s;
    for (const std::string& claim : request.claims)
        if (const std::string why = add_claim(claims, claim); !why.empty())
            return base::Failure(why);
    claims.emplace("iat", now_s);
    return claims;
}

std::string encoded(const json::object& object) {
    std::string out;
    base::base64url_append(out, json::serialize(object));
    return out;
}

// Why a server with this key would refuse the token; "" if it accepts the token.
std::string refusal(const SigningKey& key, const std::string& key_id, const std::string& token,
                    int64_t now_s) {
    try {
        const auth::Authenticator server({.keys = {{.id = key_id,
                                                    .algorithm = key.algorithm(),
                                                    .material = key.verifying_material()}}});
        const auth::Verdict verdict = server.verify(token, now_s);
        if (verdict) return {};
        return "a server would refuse it: " + std::string(failure_text(verdict.failure));
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

int wrong(std::ostream& err, const std::string& why) {
    err << "starling token: " << why << std::endl;
    return 2;
}

base::Result<std::string> key_named(const std::string& path, std::istream& standard_input) {
    std::ifstream file;
    errno = 0;
    if (path != "-") file.open(path, std::ios::binary);
    std::istream& from = path == "-" ? standard_input : file;
    std::string key = read_key(from);
    if (from.bad() || (path != "-" && !file.is_open())) {
        const std::string why = std::generic_category().message(errno ? errno : EIO);
        return base::Failure("--key: cannot read '" + path + "': " + why);
    }
    return key;
}

}  // namespace

std::optional<int64_t> parse_lifetime(std::string_view text) noexcept {
    int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [unit, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || end - unit != 1 || number < 1 || number > lifetime_s_max ||
        !base::is_digit(text.front()))
        return std::nullopt;
    const int64_t factor_s = *unit == 's'   ? 1
                             : *unit == 'm' ? 60
                             : *unit == 'h' ? 3600
                             : *unit == 'd' ? day_s
                                            : 0;
    number *= factor_s;
    if (number < 1 || number > lifetime_s_max) return std::nullopt;
    return number;
}

base::Result<std::string> make_token(const SigningKey& key, const TokenRequest& request,
                                     int64_t now_s) {
    for (const std::string* text : {&request.subject, &request.issuer, &request.key_id})
        if (!base::utf8_is_valid(*text)) return base::Failure("the options must be UTF-8");
    const auto claims = claims_of(request, now_s);
    if (!claims) return base::Failure(claims.error());
    json::object header{{"alg", name_of(key.algorithm())}, {"typ", "JWT"}};
    if (!request.key_id.empty()) header["kid"] = request.key_id;
    std::string token = encoded(header) + "." + encoded(*claims);
    const std::string signature = key.sign(token);
    if (signature.empty()) return base::Failure("--key: OpenSSL cannot sign with this key");
    token += '.';
    base::base64url_append(token, signature);
    const size_t bytes_max = auth::Options{}.token_bytes_max;
    if (token.size() > bytes_max)
        return base::Failure("the token has " + std::to_string(token.size()) +
                             " bytes; a server accepts " + std::to_string(bytes_max));
    std::string why = refusal(key, request.key_id, token, now_s);
    if (!why.empty()) return base::Failure(std::move(why));
    return token;
}

int run_token(const CommandLine& line, const Streams& streams, int64_t now_s) {
    const auto list = [&](std::string_view name) {
        const std::vector<std::string>* values = line.find(name);
        return values ? *values : std::vector<std::string>();
    };
    TokenRequest request{.subject = line.value("--subject"),
                         .key_id = line.value("--key-id"),
                         .issuer = line.value("--issuer"),
                         .audience = list("--audience"),
                         .expires_s = lifetime_s_default,
                         .claims = list("--claim")};
    if (const auto* expires = line.find("--expires")) {
        request.expires_s = parse_lifetime(expires->front());
        if (!request.expires_s && expires->front() != "never")
            return wrong(streams.err,
                         "--expires: must be a number and s, m, h or d, at most ten years, as 90s "
                         "or 1h; or never");
    }
    auto material = key_named(line.value("--key"), streams.in);
    if (!material) return wrong(streams.err, material.error());
    const auto key =
        SigningKey::read(*std::move(material), algorithm_named(line.value("--algorithm")));
    if (!key) return wrong(streams.err, "--key: " + key.error());
    const auto token = make_token(*key, request, now_s);
    if (!token) return wrong(streams.err, token.error());
    return print(*token + "\n", streams);
}

}  // namespace starling::app
