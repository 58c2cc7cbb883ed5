// Compares two pictures: what grew, and whether by more than the goal allows.

import type { Picture } from './picture.ts';

export interface Growth {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly growthPercent: number;
  readonly isOverGoal: boolean;
}

const GOAL_PERCENT = 5;
/**
 * Resident memory is given back when kernel and collector choose, what is kept shows in the heap; an address rests on purpose
 * before it is given out again; the kernel bounds LRU maps.
 */
const UNJUDGED = /resident KiB$|state="(resting|free)"|\(LRU\)$/;

/** Every number that differs, largest growth first. What is new counts from zero, hence as infinite growth. */
export function growth(start: Picture, end: Picture): readonly Growth[] {
  return Object.keys(end)
    .map((name) => rowOf(name, start[name] ?? 0, end[name] ?? 0))
    .filter((row) => row.start !== row.end)
    .sort((a, b) => b.growthPercent - a.growthPercent);
}

function rowOf(name: string, start: number, end: number): Growth {
  const growthPercent = start === end ? 0 : Math.round(((end - start) / start) * 1000) / 10;
  return {
    name,
    start,
    end,
    growthPercent,
    isOverGoal: growthPercent > GOAL_PERCENT && !UNJUDGED.test(name),
  };
}
