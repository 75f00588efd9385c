// Compares the Parquet tables of a dataset, as hyparquet reads them, with what the Rust reader saw:
// read.mjs DATASET EXPECTED.json
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const [dataset, expectedFile] = process.argv.slice(2)
const expected = JSON.parse(readFileSync(expectedFile, 'utf8'))

// 64-bit integers come as BigInt, times as Date of whole milliseconds, null lists as undefined.
const plain = value => {
  if (value === undefined) return null
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Date) return value.getTime() * 1000
  if (Array.isArray(value)) return value.map(plain)
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}

let rows = 0
for (const [name, table] of Object.entries(expected)) {
  const file = await asyncBufferFromFile(join(dataset, name))
  const metadata = await parquetMetadataAsync(file)
  assert.deepEqual(parquetSchema(metadata).children.map(child => child.element.name), Object.keys(table.columns), name)
  assert.equal(Number(metadata.num_rows), table.rows.length, name)
  const found = table.rows.length > 0 ? await parquetReadObjects({ file, metadata, compressors }) : []
  assert.deepEqual(plain(found), table.rows, name)
  rows += found.length
}
console.log(`${rows} rows of ${Object.keys(expected).length} tables equal`)
