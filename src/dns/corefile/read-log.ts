// The directive `log`: which questions are written down, and how.

import {
  LOG_CLASSES,
  LOG_LINES_PER_SECOND,
  type LogClass,
  type QueryLogRuleFile,
} from '../query-log-config.ts';
import { unknownPlaceholders } from '../query-log-line.ts';
import type { BlockDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Directive } from './parser.ts';

/** [NAMES...] [FORMAT] { class CLASSES... }; a single word is a name, whatever it holds. */
export function readLog(directive: Directive, draft: BlockDraft): void {
  const last = directive.args.at(-1);
  const format = directive.args.length > 1 && last?.text.includes('{') === true ? last : undefined;
  const names = draft.zoneNames(format === undefined ? directive.args : directive.args.slice(0, -1));
  const classes: LogClass[] = [];
  draft.readOptions(directive, {
    class: (option) => classes.push(...readClasses(option, draft)),
  });
  if (format !== undefined) sayUnknown(format, draft);
  const rule: QueryLogRuleFile = {
    ...(names.length === 0 ? {} : { names }),
    ...(format === undefined ? {} : { format: format.text }),
    ...(classes.length === 0 ? {} : { classes }),
  };
  draft.log.push(rule);
  const [which, whose] = [classes.join(', ') || 'all', names.join(', ') || 'all names'];
  draft.words.push(
    `answers (${which}) for ${whose} are logged, at most ${LOG_LINES_PER_SECOND} a second on each node`,
  );
  draft.note(
    directive.name,
    'lines are those of the process: JSON, with the line of CoreDNS as "msg" and "-" as the port',
  );
}

function readClasses(option: Directive, draft: BlockDraft): readonly LogClass[] {
  if (option.args.length === 0)
    draft.error(option.name, 'class names no class', `write ${LOG_CLASSES.join(', ')}`);
  return option.args.flatMap(
    (word) =>
      draft.value(word, `one of ${LOG_CLASSES.join(', ')}`, (text) =>
        LOG_CLASSES.find((it) => it === text),
      ) ?? [],
  );
}

function sayUnknown(format: Word, draft: BlockDraft): void {
  for (const it of unknownPlaceholders(format.text))
    draft.warning(format, `${it} is not known here: "-" is written`, 'take it away');
}
