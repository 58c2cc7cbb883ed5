// docs/dns-specification.md holds: every row of its tables is asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLIENT,
  questionOf,
  responderOfPage,
  rowsOf,
  wordsOf,
} from '../../test/support/dns-specification.ts';

const responder = responderOfPage();

for (const heading of ['Records', 'No name, no data', 'Refused'])
  for (const [what = '', question = '', expected] of rowsOf(heading))
    test(`${heading}: ${what}: ${question}`, async () => {
      const answer = await responder.respond(questionOf(question), CLIENT);
      assert.equal(answer && wordsOf(answer), expected);
    });
