/** Imported as text, so that the bundle carries it. */
declare module "*/scripted-agent" {
  const text: string;
  export default text;
}
