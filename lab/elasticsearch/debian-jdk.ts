export async function isDebianJdkCached(): Promise<boolean> {
  return false;
}

export async function jdkFromDebian(_say: (line: string) => void): Promise<string> {
  throw new Error("not written yet");
}
