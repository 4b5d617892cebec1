// How a query is read. Each Chinese character is a word of its own, as it is in the index, and must be there.
var __search = {
  transform: (query) => query
    .replace(/[+\-:^~*"]/g, " ")
    .replace(/[\u3400-\u9fff]/g, " +$& ")
    .trim(),
};
