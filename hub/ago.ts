/** `5 s ago`, `12 min ago`, `3 h ago`, `4 days ago`. */
export function ago(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s ago`;
  if (whole < 7_200) return `${Math.floor(whole / 60)} min ago`;
  if (whole < 172_800) return `${Math.floor(whole / 3_600)} h ago`;
  return `${Math.floor(whole / 86_400)} days ago`;
}
