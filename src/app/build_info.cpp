#include "app/build_info.h"

#include <ares.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <starling/server.h>

#include <boost/version.hpp>

namespace starling::app {

std::string build_info() {
    std::string text = "starling " + std::string(version());
    const std::string commit = STARLING_COMMIT;
    if (!commit.empty()) text += " (commit " + commit + ")";
    const curl_version_info_data* curl = curl_version_info(CURLVERSION_NOW);
    text += "\nOpenSSL ";
    text += OpenSSL_version(OPENSSL_VERSION_STRING);
    text += ", libcurl ";
    text += curl->version;
    text += ", zlib ";
    text += curl->libz_version != nullptr ? curl->libz_version : "unknown";
    text += ", SQLite ";
    text += sqlite3_libversion();
    text += ", c-ares ";
    text += ares_version(nullptr);
    // Those of the headers that the program was compiled with.
    text += ", simdjson " STARLING_SIMDJSON_VERSION ", spdlog " STARLING_SPDLOG_VERSION
            ", yaml-cpp " STARLING_YAML_CPP_VERSION;
    text += ", Boost " + std::to_string(BOOST_VERSION / 100'000) + '.' +
            std::to_string(BOOST_VERSION / 100 % 1'000);
    return text;
}

}  // namespace starling::app
