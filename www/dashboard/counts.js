// Grouping and adding the counts of the aggregates document.

/** Adds the counts of `rows` by `keyOf`, largest first: `[[key, count], ...]`. */
export function countBy(rows, keyOf) {
  const counts = new Map();
  for (const row of rows) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + row.count);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

export const sumOf = (rows) => rows.reduce((sum, row) => sum + row.count, 0);
export const sumOfValues = (record) => Object.values(record).reduce((sum, value) => sum + value, 0);
