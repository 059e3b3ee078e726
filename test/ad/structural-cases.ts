import type { Case } from "./cases.ts";
export const structuralCases: readonly Case[] = [];
