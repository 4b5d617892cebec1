// Only this file includes sqlite3.h.
#include "app/demo/community/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cerrno>
#include <system_error>

namespace starling::app::community {
namespace {

constexpr int value_bytes_max = 64 * 1024;  // Limit of one value, and of the text of a statement.
constexpr int columns_max = 32, parameters_max = 16;

// Write-ahead log: readers and the writer do not wait for each other, and a commit does not wait
// for the disk. A killed process loses no commit; a power failure may lose the last commits, but
// never corrupts the file.
constexpr const char* settings =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cache_size = -2000;"
    "PRAGMA journal_size_limit = 4194304;";

// SQLite creates files that every user may read; this file holds the key that signs logins.
base::Result<void> create_private(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (descriptor < 0) return base::Failure(std::generic_category().message(errno));
    ::close(descriptor);
    return {};
}

}  // namespace

Statement::Statement(sqlite3* connection, std::string_view sql) noexcept {
    failed_ = sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &statement_,
                                 nullptr) != SQLITE_OK ||
              !statement_;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int64_t value) noexcept {
    if (!failed_) failed_ = sqlite3_bind_int64(statement_, next_++, value) != SQLITE_OK;
    return *this;
}

Statement& Statement::bind(std::string_view text) noexcept {
    // SQLite would store a null pointer as NULL instead of the empty text.
    const char* bytes = text.data() ? text.data() : "";
    if (!failed_) {
        failed_ = sqlite3_bind_text64(statement_, next_++, bytes, text.size(), SQLITE_STATIC,
                                      SQLITE_UTF8) != SQLITE_OK;
    }
    return *this;
}

bool Statement::row() noexcept {
    if (failed_) return false;
    const int code = sqlite3_step(statement_);
    failed_ = code != SQLITE_ROW && code != SQLITE_DONE;
    return code == SQLITE_ROW;
}

bool Statement::run() noexcept {
    while (row()) {}
    return !failed_;
}

bool Statement::is_null(int column) const noexcept {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int64_t Statement::integer(int column) const noexcept {
    return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
    const unsigned char* bytes = sqlite3_column_text(statement_, column);
    if (!bytes) return {};
    return {reinterpret_cast<const char*>(bytes),
            static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::~Database() { sqlite3_close(connection_); }

base::Result<void> Database::open(const std::string& path) {
    if (path != ":memory:")
        if (auto created = create_private(path); !created) return created;
    // NOMUTEX: the Store's mutex already serializes the calls. No URI flag: `path` is a plain path.
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path.c_str(), &connection_, flags, nullptr) != SQLITE_OK)
        return base::Failure(error());
    sqlite3_busy_timeout(connection_, busy_timeout_ms);
    sqlite3_limit(connection_, SQLITE_LIMIT_LENGTH, value_bytes_max);
    sqlite3_limit(connection_, SQLITE_LIMIT_SQL_LENGTH, value_bytes_max);
    sqlite3_limit(connection_, SQLITE_LIMIT_COLUMN, columns_max);
    sqlite3_limit(connection_, SQLITE_LIMIT_VARIABLE_NUMBER, parameters_max);
    sqlite3_limit(connection_, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    return {};
}

bool Database::settle() noexcept {
    // Pages of 4 KiB. The number is part of the SQL text, since a pragma takes no parameters.
    static_assert(database_pages_max == 16384);
    return script(settings) && run("PRAGMA max_page_count = 16384");
}

bool Database::script(const char* sql) noexcept {
    return sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

int64_t Database::last_id() const noexcept { return sqlite3_last_insert_rowid(connection_); }
int Database::changes() const noexcept { return sqlite3_changes(connection_); }
std::string Database::error() const {
    return connection_ ? sqlite3_errmsg(connection_) : "out of memory";
}

}  // namespace starling::app::community
