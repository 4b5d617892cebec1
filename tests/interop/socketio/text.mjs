// A text for server and tests that every wrong encoding or escape would change: characters of two
// to four bytes in UTF-8, a surrogate pair, line separators (JSONP escapes them), "\n" as two
// characters (JSONP doubles the backslash) and as one, quotes.
export const greeting = 'Grüße, 世界, \u{1f426} \u2028 \u2029 \\n \\ "quoted" \n';
